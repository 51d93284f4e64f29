using VmPod.Foundation;
using VmPod.Foundation.Processes;
using VmPod.HostGuard.Control;
using VmPod.HostGuard.Machine;
using VmPod.HostGuard.Session;
using VmPod.PodKeeper;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Sessions;

namespace VmPod.HostGuard.Commands;

/// <summary>Looks at this machine before any byte moves: red keeps a session from running here, amber is worth knowing.</summary>
internal static class HostCheck
{
    /// <summary>What every session needs.</summary>
    public static List<Finding> Machine()
    {
        var findings = new List<Finding>();
        foreach ((string program, string package) in new[] { ("qemu-system-x86_64", "qemu-system-x86"), ("bwrap", "bubblewrap"), ("setpriv",
            "util-linux"), ("setsid", "util-linux") })
        {
            string? path = Executables.Find(program);
            findings.Add(new Finding(program, path is null ? "red" : "green", path ?? "not installed", path is null ? $"apt-get install {package}" : null));
        }
        bool fuse = File.Exists("/dev/fuse");
        findings.Add(new Finding("FUSE", fuse ? "green" : "red", fuse ? "/dev/fuse is there" : "no /dev/fuse", fuse ? null : "modprobe fuse"));
        AcceleratorReport kvm = AcceleratorProbe.Probe();
        findings.Add(new Finding("KVM", kvm.KvmWorthTrying ? "green" : "red", string.Join(" ", kvm.Reasons), kvm.Cure
            ?? "For a test only: --allow-emulation."));
        try
        {
            findings.Add(new Finding("swap", "green", SwapCheck.JudgeThisHost().ToString(), null));
        }
        catch (VmPodException e)
        {
            findings.Add(new Finding("swap", "red", e.Message, e.Hint));
        }
        ulong lockable = Libc.LockLimit();
        bool enough = Environment.IsPrivilegedProcess || lockable >= 256UL << 20;
        findings.Add(new Finding("locked memory", enough ? "green" : "red", lockable == ulong.MaxValue ? "no limit"
            : $"{lockable >> 20} MiB for an ordinary user",
            enough ? null : "LimitMEMLOCK=infinity in the unit, or ulimit -l unlimited."));
        findings.Add(Environment.IsPrivilegedProcess
            ? new Finding("rights", "green", "root: mount namespace and a user of its own for the hypervisor", null)
            : new Finding("rights", "red", "not root: no private mount namespace, no user of its own for the hypervisor", "sudo hostguard …"));
        return findings;
    }

    /// <summary>What this session needs besides.</summary>
    public static List<Finding> Session(string name, string folder, SecretBuffer? passphrase)
    {
        List<Finding> findings = Machine();
        using Pod pod = Pod.Open(folder, StoreAccess.Read, TimeProvider.System);
        PodUnlock.Unlock(pod, passphrase, folder);
        using SessionReader session = pod.OpenSession(name, LeasePurpose.List);
        MachineShape shape = SessionHost.ReadShape(session);
        long free = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        bool room = free > shape.MemoryBytes + (512L << 20);
        findings.Add(new Finding("memory", room ? "green" : "red", $"{free >> 20} MiB here, the machine has {shape.MemoryBytes >> 20} MiB", room
            ? null : "Use a larger host."));
        findings.Add(new Finding("CPU model", MachineShape.CpuModels.Contains(shape.CpuModel) ? "green" : "red", shape.CpuModel, null));
        return findings;
    }
}
