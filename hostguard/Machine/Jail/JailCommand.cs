using System.Globalization;
using System.Runtime.InteropServices;
using VmPod.Foundation;
using VmPod.Foundation.Processes;

namespace VmPod.HostGuard.Machine;

/// <summary>
/// The command line that puts QEMU into its jail: prlimit (no core dumps), then setpriv (another uid, no capability, no way to get one),
/// then bubblewrap (own namespaces, a root with nothing but QEMU in it), then QEMU.
/// </summary>
internal static class JailCommand
{
    /// <summary>Builds it as a list.</summary>
    /// <param name="spec">Which files, which uid, which network.</param>
    /// <param name="filterFd">The number at which the child finds the seccomp program.</param>
    /// <param name="infoFd">Where bubblewrap tells the number of the jailed process.</param>
    /// <param name="gateFd">A byte here lets the jailed process go on to QEMU.</param>
    /// <exception cref="VmPodException">A tool is missing, or hostguard may not take QEMU's uid (exit code 9).</exception>
    public static List<string> Build(MachineSpec spec, int filterFd, int infoFd, int gateFd)
    {
        List<string> command =
        [
            Executables.Require("prlimit", "util-linux"),
            "--core=0:0",
            .. Identity(spec),
            Executables.Require("bwrap", "bubblewrap"),
            "--unshare-all",
            .. spec.Network == NetworkPolicy.Outbound ? (string[])["--share-net"] : [],
            "--unshare-user", "--disable-userns",
            "--die-with-parent", "--new-session",
            // QEMU is the first process of its pid namespace: when it ends, the kernel ends everything in the jail.
            "--as-pid-1",
            "--cap-drop", "ALL",
            "--clearenv",
            "--hostname", "vmpod",
            .. Root(spec),
            "--remount-ro", "/",
            "--chdir", "/",
            "--seccomp", Text(filterFd),
            "--info-fd", Text(infoFd),
            "--block-fd", Text(gateFd),
            "--",
        ];
        return command;
    }

    private static string[] Identity(MachineSpec spec)
    {
        if (Interop.geteuid() != 0)
        {
            if (spec.RunUid == Interop.geteuid() && spec.RunGid == Interop.getegid())
                return [];
            throw new VmPodException(ExitCode.Missing, $"Only root can run QEMU as uid {spec.RunUid}.",
                "Run hostguard as root, or QEMU under hostguard's own uid.");
        }
        if (spec.RunUid <= 0 || spec.RunGid <= 0)
            throw new VmPodException(ExitCode.Missing, "QEMU is never run as root.", "Give it a uid of its own.");
        return
        [
            Executables.Require("setpriv", "util-linux"),
            "--reuid", Text(spec.RunUid), "--regid", Text(spec.RunGid),
            .. Groups(spec),
            "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs",
        ];
    }

    private static string[] Groups(MachineSpec spec)
    {
        if (spec.Accelerator != Accelerator.Kvm)
            return ["--clear-groups"];
        // QEMU 7.2 opens /dev/kvm by its path, so its uid must be let in by the device's group, the one supplementary group it gets.
        return ["--groups", Text(DeviceAccess.GroupThatMayUse("/dev/kvm"))];
    }

    /// <summary>
    /// All there is in the jail: QEMU, the libraries, the firmware, two device nodes, the disk and the RAM. No /proc, no /sys, no shell.
    /// </summary>
    private static List<string> Root(MachineSpec spec)
    {
        string qemu = Executables.Require("qemu-system-x86_64", "qemu-system-x86");
        List<string> root = ["--ro-bind", qemu, JailPaths.Qemu];
        string libraries = RuntimeInformation.OSArchitecture switch
        {
            Architecture.X64 => "/usr/lib/x86_64-linux-gnu",
            Architecture.Arm64 => "/usr/lib/aarch64-linux-gnu",
            Architecture other => throw new VmPodException(ExitCode.Missing, $"VmPod does not run on {other}."),
        };
        ReadOnly(root, libraries);
        // The dynamic loader: /lib64/ld-linux-x86-64.so.2, or /lib/ld-linux-aarch64.so.1.
        if (RuntimeInformation.OSArchitecture == Architecture.X64)
            ReadOnly(root, "/usr/lib64");
        else
            ReadOnly(root, "/usr/lib/ld-linux-aarch64.so.1");
        root.AddRange(["--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"]);
        ReadOnly(root, "/usr/share/seabios");
        ReadOnly(root, "/usr/share/qemu");
        Device(root, "/dev/null");
        Device(root, "/dev/urandom");
        if (spec.Accelerator == Accelerator.Kvm)
            Device(root, "/dev/kvm");
        if (spec.Network == NetworkPolicy.Outbound)
            ReadOnly(root, "/etc/resolv.conf");         // the user-mode network asks the host's name servers
        root.AddRange(["--bind", spec.DiskPath, JailPaths.Disk, "--bind", spec.MemoryPath, JailPaths.Memory]);
        return root;
    }

    private static void ReadOnly(List<string> root, string path) => root.AddRange(["--ro-bind", path, path]);

    private static void Device(List<string> root, string path) => root.AddRange(["--dev-bind", path, path]);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
