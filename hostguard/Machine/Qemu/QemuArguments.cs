using System.Globalization;

namespace VmPod.HostGuard.Machine;

/// <summary>
/// QEMU's command line, from typed values only: nothing that a person, a session's file or a vault says is ever copied into it.
/// </summary>
/// <remarks>
/// The device set is version 1 of <see cref="MachineShape"/>. Bus addresses and port numbers are fixed, so that an optional device does not
/// move the others. Changing any device, address or order here breaks the resume of every session: make a version 2 instead.
/// </remarks>
internal static class QemuArguments
{
    private const string MacAddress = "52:54:00:76:6d:01";

    private const string Drive =
        """{"driver":"raw","node-name":"disk0","discard":"unmap","detect-zeroes":"unmap","cache":{"direct":true,"no-flush":false},""" +
        """ "file":{"driver":"file","filename":"/vm/disk","aio":"threads","discard":"unmap","cache":{"direct":true,"no-flush":false}}}""";

    /// <summary>Builds the list.</summary>
    /// <param name="spec">Validated.</param>
    /// <param name="qmpFd">Connected socket of the control channel.</param>
    /// <param name="clockFd">Connected socket of the clock port.</param>
    /// <param name="consoleFd">Listening socket of the serial console.</param>
    /// <param name="agentFd">Listening socket of the witness port; not used unless the shape has one.</param>
    /// <param name="incoming">The device state comes over QMP before the guest runs.</param>
    public static List<string> Build(MachineSpec spec, int qmpFd, int clockFd, int consoleFd, int agentFd, bool incoming)
    {
        MachineShape shape = spec.Shape;
        string mebibytes = Text(shape.MemoryBytes >> 20) + "M";
        List<string> arguments =
        [
            "-name", "vmpod",
            "-nodefaults", "-no-user-config",
            "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
            "-S",                                               // the guest runs when we say so, never by itself
            "-machine", shape.MachineType + ",memory-backend=ram0,dump-guest-core=off,mem-merge=off,usb=off,vmport=off",
            "-accel", spec.Accelerator == Accelerator.Kvm ? "kvm" : "tcg,thread=multi",
            "-cpu", shape.CpuModel + ",enforce",                // a host that lacks a feature refuses, rather than running another CPU
            "-smp", Text(shape.Cpus),
            "-m", mebibytes,
            "-object", $"memory-backend-file,id=ram0,size={mebibytes},mem-path={JailPaths.Memory},share=on,dump=off,merge=off",
            "-rtc", "base=utc,clock=vm",                        // stands still while suspended; the clock port corrects it
            "-action", "shutdown=pause,panic=pause",            // the process outlives the guest, so that its last writes are sealed first
            // Sleep states of ACPI would stop the guest behind our back, in a state that device state does not carry.
            "-global", "PIIX4_PM.disable_s3=1", "-global", "PIIX4_PM.disable_s4=1",
            "-vga", "none",
            "-blockdev", Drive,
            "-device", "virtio-blk-pci,id=disk,drive=disk0,addr=0x3,bootindex=0,write-cache=on,werror=stop,rerror=stop",
            "-device", "virtio-serial-pci,id=serial,addr=0x4,max_ports=4",
            "-chardev", $"socket,id=clock,fd={Text(clockFd)}",
            "-device", "virtserialport,bus=serial.0,nr=1,chardev=clock,name=org.vmpod.clock.0",
            "-object", "rng-builtin,id=rng0",
            "-device", "virtio-rng-pci,rng=rng0,addr=0x5",
            "-device", "vmgenid,guid=auto",                     // new at each start: the guest reseeds its random numbers
            "-device", "pvpanic",
            "-chardev", $"socket,id=console,fd={Text(consoleFd)},server=on,wait=off",
            "-device", "isa-serial,chardev=console,index=0",
            "-chardev", $"socket,id=qmp,fd={Text(qmpFd)}",
            "-mon", "chardev=qmp,mode=control",
        ];
        if (shape.TestAgent)
        {
            arguments.AddRange(["-chardev", $"socket,id=agent,fd={Text(agentFd)},server=on,wait=off",
                "-device", "virtserialport,bus=serial.0,nr=2,chardev=agent,name=org.vmpod.agent.0"]);
        }
        if (shape.NetworkCard)
        {
            // Without a network behind it the card is there, its cable is not. romfile empty: no boot from a network.
            string netdev = spec.Network == NetworkPolicy.Outbound ? ",netdev=net0" : "";
            if (netdev.Length > 0)
                arguments.AddRange(["-netdev", "user,id=net0"]);
            arguments.AddRange(["-device", $"virtio-net-pci,id=nic,addr=0x6,mac={MacAddress},romfile={netdev}"]);
        }
        // VNC without a listener: viewers are handed in one by one as connected sockets.
        arguments.AddRange(shape.Display ? ["-device", "VGA,id=video,addr=0x2,vgamem_mb=16", "-vnc", "none"] : ["-display", "none"]);
        if (incoming)
            arguments.AddRange(["-incoming", "defer"]);
        return arguments;
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
