using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using VmPod.Foundation.Processes;
using Xunit;

namespace VmPod.HostGuard.Tests.Machine;

/// <summary>What a child gets, and what it does not.</summary>
public sealed class ChildProcessTests
{
    private const string Shell = "/bin/sh";

    [Fact]
    public async Task A_child_has_exactly_the_descriptors_it_was_given()
    {
        using SafeFileHandle first = File.OpenHandle("/dev/zero");
        using SafeFileHandle second = File.OpenHandle("/dev/full");
        using SafeFileHandle ours = File.OpenHandle("/dev/random");
        Assert.Equal(0, Fcntl(ours, 2, 0));         // the control: inheritable by any fork and exec

        using ChildProcess child = ChildProcess.Start(Shell, ["-c", "for f in /proc/$$/fd/*; do readlink $f; done; exit 0"],
            [second, first]);

        Assert.Equal(0, await child.Exited);
        string[] lines = child.Output.Tail().Split('\n');
        Assert.Equal("/dev/null", lines[0]);
        Assert.StartsWith("/memfd:", lines[1], StringComparison.Ordinal);
        Assert.StartsWith("/memfd:", lines[2], StringComparison.Ordinal);
        Assert.Equal(["/dev/full", "/dev/zero"], lines[3..]);
    }

    [Fact]
    public async Task A_child_has_exactly_the_environment_it_was_given()
    {
        using ChildProcess child = ChildProcess.Start("/usr/bin/env", [], environment: ["A=b c"]);

        Assert.Equal(0, await child.Exited);
        Assert.Equal("A=b c", child.Output.Tail());
    }

    [Fact]
    public async Task A_child_leads_its_own_group_and_ignores_no_signal()
    {
        using ChildProcess child = ChildProcess.Start(Shell,
            ["-c", "grep -E 'SigIgn|SigBlk' /proc/self/status; cut -d' ' -f5 /proc/$$/stat; echo $$"]);

        Assert.Equal(0, await child.Exited);
        string[] lines = child.Output.Tail().Split('\n');
        // 32 and 33 are glibc's own: its posix_spawn has them ignored until the child's own glibc sets them.
        Assert.Equal(["SigBlk:?0000000000000000", "SigIgn:?0000000180000000"], lines[..2]);
        Assert.Equal(lines[3], lines[2]);
    }

    [Fact]
    public async Task The_exit_code_and_the_signal_are_told()
    {
        using ChildProcess three = ChildProcess.Start(Shell, ["-c", "exit 3"]);
        Assert.Equal(3, await three.Exited);

        using ChildProcess sleeper = ChildProcess.Start("/bin/sleep", ["1000"]);
        Assert.True(sleeper.Kill(TimeSpan.FromSeconds(60)));
        Assert.Equal(137, await sleeper.Exited);
        Assert.False(sleeper.Signal(ProcessSignal.Terminate));
    }

    [Fact]
    public async Task Disposing_kills_the_child_and_leaves_no_zombie()
    {
        ChildProcess sleeper = ChildProcess.Start("/bin/sleep", ["1000"]);
        int pid = sleeper.ProcessId;
        Assert.True(Directory.Exists($"/proc/{pid}"));

        sleeper.Dispose();

        _ = await sleeper.Exited;
        Assert.False(Directory.Exists($"/proc/{pid}"));
    }

    [Fact]
    public async Task A_chatty_child_neither_blocks_nor_exceeds_the_bound()
    {
        using ChildProcess child = ChildProcess.Start(Shell,
            ["-c", "i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done 2>/dev/null; exit 0"]);

        Assert.Equal(0, await child.Exited.WaitAsync(TimeSpan.FromMinutes(5)));
        Assert.InRange(child.Output.Tail().Length, 1, ProcessOutput.TailCharsMax);
    }

    [Fact]
    public void A_program_that_is_not_there_is_an_error()
    {
        VmPodException error = Assert.Throws<VmPodException>(() => ChildProcess.Start("/usr/bin/vmpod-not-there", []));

        Assert.Equal(ExitCode.Missing, error.ExitCode);
    }

    [Fact]
    public async Task Hundred_children_at_once_all_end_and_leave_no_descriptor()
    {
        int before = Directory.GetFileSystemEntries("/proc/self/fd").Length;
        ChildProcess[] children = [.. Enumerable.Range(0, 100).Select(i => ChildProcess.Start(Shell, ["-c", "exit " + (i % 7)]))];

        int[] codes = await Task.WhenAll(children.Select(child => child.Exited));

        Assert.Equal(Enumerable.Range(0, 100).Select(i => i % 7), codes);
        foreach (ChildProcess child in children)
            child.Dispose();
        // Tests beside this one open a few of their own; one descriptor left by each child would be a hundred.
        Assert.InRange(Directory.GetFileSystemEntries("/proc/self/fd").Length, 0, before + 80);
    }

    [DllImport("libc", EntryPoint = "fcntl")]
    private static extern int Fcntl(SafeHandle fd, int command, long argument);
}
