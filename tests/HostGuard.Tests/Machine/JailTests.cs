using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using VmPod.Foundation;
using VmPod.Foundation.Processes;
using VmPod.HostGuard.Machine;
using Xunit;

namespace VmPod.HostGuard.Tests.Machine;

/// <summary>What QEMU is and has inside the jail, as the kernel says it.</summary>
[Trait("Threat", "T-09")]
[Collection("machine")]
public sealed class JailTests
{
    private static readonly MachineShape _shape = SuspendedGuest.Shape;

    [Fact]
    public async Task QEMU_has_a_uid_of_its_own_no_capability_two_filters_and_no_core_dumps()
    {
        using GuestCopy guest = await GuestCopy.CreateEmptyAsync(_shape);
        await using QemuMachine machine = await QemuMachine.StartAsync(guest.Spec(_shape), incoming: false);
        int pid = machine.ProcessId;
        string uid = MachineSpec.DefaultRunUid.ToString(System.Globalization.CultureInfo.InvariantCulture);

        Assert.Equal("qemu-system-x86", ProcFiles.Status(pid, "Name"));
        Assert.All(ProcFiles.Status(pid, "Uid").Split('\t'), u => Assert.Equal(uid, u));
        Assert.All(ProcFiles.Status(pid, "Gid").Split('\t'), g => Assert.Equal(uid, g));
        Assert.Equal("", ProcFiles.Status(pid, "Groups"));
        foreach (string set in (string[])["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"])
            Assert.Equal("0000000000000000", ProcFiles.Status(pid, set));
        Assert.Equal("1", ProcFiles.Status(pid, "NoNewPrivs"));
        Assert.Equal("2", ProcFiles.Status(pid, "Seccomp"));
        Assert.Equal("2", ProcFiles.Status(pid, "Seccomp_filters"));
        Assert.EndsWith("\t1", ProcFiles.Status(pid, "NSpid"), StringComparison.Ordinal);
        string cores = File.ReadLines($"/proc/{pid}/limits").First(line => line.StartsWith("Max core file size", StringComparison.Ordinal));
        Assert.Equal(["0", "0", "bytes"], cores["Max core file size".Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries));
    }

    [Theory]
    [InlineData("net")]
    [InlineData("mnt")]
    [InlineData("pid")]
    [InlineData("ipc")]
    [InlineData("uts")]
    [InlineData("user")]
    public async Task QEMU_is_in_a_namespace_of_its_own(string kind)
    {
        using GuestCopy guest = await GuestCopy.CreateEmptyAsync(_shape);
        await using QemuMachine machine = await QemuMachine.StartAsync(guest.Spec(_shape), incoming: false);
        string pid = machine.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture);

        Assert.NotEqual(ProcFiles.Namespace("self", kind), ProcFiles.Namespace(pid, kind));
    }

    [Fact]
    public async Task The_hosts_network_is_shared_only_for_a_session_that_may_go_out()
    {
        MachineShape shape = _shape with { NetworkCard = true };
        using GuestCopy guest = await GuestCopy.CreateEmptyAsync(shape);
        foreach (NetworkPolicy policy in Enum.GetValues<NetworkPolicy>())
        {
            await using QemuMachine machine = await QemuMachine.StartAsync(guest.Spec(shape) with { Network = policy }, incoming: false);
            string pid = machine.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture);
            string interfaces = File.ReadAllText($"/proc/{pid}/net/dev");
            bool shared = ProcFiles.Namespace("self", "net") == ProcFiles.Namespace(pid, "net");

            Assert.Equal(policy == NetworkPolicy.Outbound, shared);
            if (policy == NetworkPolicy.None)
                Assert.Equal(3, interfaces.TrimEnd().Split('\n').Length);       // two lines of heading, and lo
            string[] command = CommandLine(machine.ProcessId);
            Assert.Equal(policy == NetworkPolicy.Outbound, command.Contains("user,id=net0"));
            Assert.DoesNotContain(command, word => word.Contains("hostfwd", StringComparison.Ordinal)
                || word.Contains("guestfwd", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task The_root_holds_nothing_but_QEMU_its_libraries_its_firmware_and_the_session()
    {
        using GuestCopy guest = await GuestCopy.CreateEmptyAsync(_shape);
        await using QemuMachine machine = await QemuMachine.StartAsync(guest.Spec(_shape), incoming: false);
        string root = $"/proc/{machine.ProcessId}/root";

        Assert.Equal(["dev", "lib", "lib64", "usr", "vm"], Names(root));
        Assert.Equal(["null", "urandom"], Names(root + "/dev"));
        Assert.Equal(["disk", "ram"], Names(root + "/vm"));
        Assert.Equal(["qemu-system-x86_64"], Names(root + "/usr/bin"));
        Assert.Equal(["qemu", "seabios"], Names(root + "/usr/share"));
        Dictionary<string, string> mounts = File.ReadLines($"/proc/{machine.ProcessId}/mounts").Select(line => line.Split(' '))
            .ToDictionary(f => f[1], f => f[3]);
        Assert.All(mounts.Where(m => m.Key is not ("/vm/disk" or "/vm/ram" or "/dev/null" or "/dev/urandom")), m =>
            Assert.StartsWith("ro,", m.Value, StringComparison.Ordinal));
        Assert.All(mounts, m => Assert.Contains("nosuid", m.Value, StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Threat", "T-15")]
    public async Task No_path_of_the_host_stands_on_QEMUs_command_line()
    {
        using GuestCopy guest = await GuestCopy.CreateEmptyAsync(_shape);
        await using QemuMachine machine = await QemuMachine.StartAsync(guest.Spec(_shape), incoming: false);

        string[] command = CommandLine(machine.ProcessId);

        Assert.DoesNotContain(command, word => word.Contains(guest.Folder, StringComparison.Ordinal));
        Assert.DoesNotContain(command, word => word.Contains("host,", StringComparison.Ordinal) || word == "max");
        Assert.Equal("on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
            command[Array.IndexOf(command, "-sandbox") + 1]);
    }

    [Fact]
    public async Task The_environment_is_empty()
    {
        using GuestCopy guest = await GuestCopy.CreateEmptyAsync(_shape);
        await using QemuMachine machine = await QemuMachine.StartAsync(guest.Spec(_shape), incoming: false);

        string environment = File.ReadAllText($"/proc/{machine.ProcessId}/environ").Replace("PWD=/", "", StringComparison.Ordinal)
            .Trim('\0');

        Assert.Equal("", environment);      // bubblewrap sets PWD to its --chdir
    }

    [Fact]
    public async Task QEMU_inherits_no_descriptor_that_it_was_not_given()
    {
        using GuestCopy guest = await GuestCopy.CreateEmptyAsync(_shape);
        // The control: a descriptor of ours that any child made by fork and exec would inherit.
        string secret = Path.Join(guest.Folder, "secret");
        await File.WriteAllTextAsync(secret, "secret");
        using var open = File.OpenHandle(secret);
        Assert.Equal(0, Fcntl(open, 2, 0));
        await using QemuMachine machine = await QemuMachine.StartAsync(guest.Spec(_shape), incoming: false);

        string[] targets = [.. new DirectoryInfo($"/proc/{machine.ProcessId}/fd").EnumerateFiles().Select(file => file.LinkTarget ?? "")];

        Assert.DoesNotContain(targets, target => target.Contains("secret", StringComparison.Ordinal));
        string[] files = [.. targets.Where(target => target.StartsWith('/') && !target.StartsWith("/memfd:", StringComparison.Ordinal))
            .Order().Distinct()];
        Assert.Equal(["/dev/null", "/vm/disk", "/vm/ram"], files);
        // The control channel, the clock, the console, the witness port.
        Assert.Equal(4, targets.Count(target => target.StartsWith("socket:", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Guest_memory_is_never_advised_to_be_huge_pages()
    {
        using GuestCopy guest = await GuestCopy.CreateEmptyAsync(_shape);
        // The control: the same QEMU without the jail's filter gets its wish.
        List<string> plain = ["-nodefaults", "-S", "-display", "none", "-machine", "pc-i440fx-7.2,memory-backend=ram0", "-accel", "tcg",
            "-m", "512M",
            "-object", "memory-backend-file,id=ram0,size=512M,share=on,mem-path=" + guest.MemoryPath];
        using (ChildProcess control = ChildProcess.Start(Executables.Require("qemu-system-x86_64", "qemu-system-x86"), plain))
            // It is mapped a moment before the wish is granted.
            await FlagsAsync(control.ProcessId, mustHave: "hg");

        await using QemuMachine machine = await QemuMachine.StartAsync(guest.Spec(_shape), incoming: false);

        Assert.DoesNotContain("hg", (await FlagsAsync(machine.ProcessId)).Split(' '));
        Assert.Equal("", machine.Complaint);

        static async Task<string> FlagsAsync(int pid, string? mustHave = null)
        {
            for (int i = 0; ; i++)
            {
                try
                {
                    string flags = ProcFiles.MappingFlags(pid, "ram");
                    if (mustHave is null || flags.Split(' ').Contains(mustHave))
                        return flags;
                    Assert.True(i < 1200, $"{flags} without {mustHave}");
                }
                catch (InvalidOperationException) when (i < 1200)
                {
                    // Not yet mapped.
                }
                await Task.Delay(50);
            }
        }
    }

    [Fact]
    [Trait("Threat", "T-25")]
    [Trait("Spec", "H-09")]
    public async Task Emulation_is_refused_unless_it_is_allowed_by_name()
    {
        using GuestCopy guest = await GuestCopy.CreateEmptyAsync(_shape);

        VmPodException refused = await Assert.ThrowsAsync<VmPodException>(() =>
            QemuMachine.StartAsync(guest.Spec(_shape) with { AllowEmulation = false }, incoming: false));

        Assert.Equal(ExitCode.Missing, refused.ExitCode);
        Assert.Contains("--allow-emulation", refused.Hint!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task QEMU_is_never_run_as_root()
    {
        using GuestCopy guest = await GuestCopy.CreateEmptyAsync(_shape);

        VmPodException refused = await Assert.ThrowsAsync<VmPodException>(() =>
            QemuMachine.StartAsync(guest.Spec(_shape) with { RunUid = 0 }, incoming: false));

        Assert.Equal(ExitCode.Missing, refused.ExitCode);
    }

    [Fact]
    public async Task A_disk_that_QEMUs_uid_may_not_open_fails_in_QEMUs_own_words()
    {
        using GuestCopy guest = await GuestCopy.CreateEmptyAsync(_shape);
        File.SetUnixFileMode(guest.DiskPath, UnixFileMode.None);

        VmPodException error = await Assert.ThrowsAsync<VmPodException>(() => QemuMachine.StartAsync(guest.Spec(_shape), incoming: false));

        Assert.Equal(ExitCode.Missing, error.ExitCode);
        Assert.Contains("Permission denied", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_not_there_fails_in_the_jails_own_words()
    {
        using GuestCopy guest = await GuestCopy.CreateEmptyAsync(_shape);

        VmPodException error = await Assert.ThrowsAsync<VmPodException>(() =>
            QemuMachine.StartAsync(guest.Spec(_shape) with { MemoryPath = "/dev/shm/vmpod-not-there" }, incoming: false));

        Assert.Equal(ExitCode.Missing, error.ExitCode);
        Assert.Contains("bwrap", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Threat", "T-11")]
    [Trait("Spec", "H-06")]
    public async Task A_run_folder_that_others_may_enter_is_refused()
    {
        using GuestCopy guest = await GuestCopy.CreateEmptyAsync(_shape);
        string run = guest.Spec(_shape).RunFolder;
        _ = Directory.CreateDirectory(run, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
            | UnixFileMode.OtherExecute);

        VmPodException refused = await Assert.ThrowsAsync<VmPodException>(() =>
            QemuMachine.StartAsync(guest.Spec(_shape), incoming: false));

        Assert.Equal(ExitCode.Refused, refused.ExitCode);
    }

    [Fact]
    public async Task A_viewer_is_handed_in_as_a_socket_and_sees_VNC()
    {
        MachineShape shape = _shape with { Display = true };
        using GuestCopy guest = await GuestCopy.CreateEmptyAsync(shape);
        await using QemuMachine machine = await QemuMachine.StartAsync(guest.Spec(shape), incoming: false);
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, 0);
        string path = Path.Join(guest.Folder, "viewer");
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(1);
        using var viewer = new Socket(AddressFamily.Unix, SocketType.Stream, 0);
        await viewer.ConnectAsync(new UnixDomainSocketEndPoint(path));
        using (Socket accepted = await listener.AcceptAsync())
            await machine.AttachDisplayAsync(accepted.SafeHandle);

        var hello = new byte[12];
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        int length = await viewer.ReceiveAsync(hello, limit.Token);

        Assert.Equal("RFB 003.008\n", Encoding.ASCII.GetString(hello, 0, length));
    }

    [Fact]
    public async Task No_socket_and_no_cgroup_is_left_after_the_machine()
    {
        using GuestCopy guest = await GuestCopy.CreateEmptyAsync(_shape);
        MachineSpec spec = guest.Spec(_shape);
        string cgroup;
        await using (QemuMachine machine = await QemuMachine.StartAsync(spec, incoming: false))
        {
            cgroup = File.ReadLines($"/proc/{machine.ProcessId}/cgroup").First(line => line.StartsWith("0::", StringComparison.Ordinal));
            Assert.Equal(["agent.sock", "console.sock"], Names(spec.RunFolder));
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(spec.RunFolder));
        Assert.StartsWith("0::/vmpod-jail-", cgroup, StringComparison.Ordinal);
        string mount = File.ReadLines("/proc/self/mounts").Select(line => line.Split(' ')).First(f => f[2] == "cgroup2")[1];
        Assert.False(Directory.Exists(mount + cgroup["0::".Length..]));
    }

    private static string[] CommandLine(int pid) => File.ReadAllText($"/proc/{pid}/cmdline").Split('\0');

    private static string[] Names(string folder) =>
        [.. Directory.EnumerateFileSystemEntries(folder).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    [DllImport("libc", EntryPoint = "fcntl")]
    private static extern int Fcntl(SafeHandle fd, int command, long argument);
}
