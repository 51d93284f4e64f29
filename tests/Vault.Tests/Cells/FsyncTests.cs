using System.Diagnostics;

namespace VmPod.Vault.Tests.Cells;

/// <summary>T-20: a sync that fails must not be acknowledged. The kernel's answer is replaced by strace, in a process of its own.</summary>
[Trait("Threat", "T-20")]
public class FsyncTests
{
    [Fact]
    public void AFailedFdatasyncIsReportedByTheStoreAndNeverForgiven()
    {
        using var pod = new PodFolder();
        pod.Create().Dispose();
        // The first two say that the index is written to, buckets and header, before the cell is appended (V-58).
        Assert.Equal(FsyncHelper.Reported, Run("store", pod.Dir, "inject=fdatasync:error=EIO:when=3"));
        Assert.Equal(FsyncHelper.NotReported, Run("store", pod.Dir, null));
    }

    [Fact]
    public void AnotherProcessFindsTheVaultBusyAndAfterwardsFree()
    {
        using var pod = new PodFolder();
        using (var store = pod.Create())
            Assert.Equal((int)Foundation.ExitCode.Busy, Run("open", pod.Dir, null));
        Assert.Equal(0, Run("open", pod.Dir, null));
    }

    [Fact]
    public void DotNetsOwnFlushHidesIt()
    {
        // The attack works without the defence. Once this fails, .NET is mended, and the ban may be thought over.
        using var pod = new PodFolder();
        Assert.Equal(FsyncHelper.NotReported, Run("dotnet", pod.Dir, "inject=fsync:error=EIO"));
    }

    private static int Run(string mode, string dir, string? inject)
    {
        var start = new ProcessStartInfo { RedirectStandardError = true, RedirectStandardOutput = true };
        string self = Environment.ProcessPath!;
        start.FileName = inject is null ? self : "strace";
        if (inject is not null)
        {
            foreach (string argument in new[] { "-f", "-o", Path.Combine(dir, "..", Path.GetFileName(dir) + ".strace"), "-e",
                "trace=fsync,fdatasync", "-e", inject, self })
                start.ArgumentList.Add(argument);
        }
        start.Environment[FsyncHelper.Variable] = mode;
        start.Environment[FsyncHelper.Variable + "_DIR"] = dir;
        using var process = Process.Start(start) ?? throw new InvalidOperationException("strace did not start; it is needed here.");
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        string trace = dir + ".strace";
        if (inject is not null)
        {
            Assert.True(File.Exists(trace), errors);
            Assert.Contains("(INJECTED)", File.ReadAllText(trace), StringComparison.Ordinal);
            File.Delete(trace);
        }
        return process.ExitCode;
    }
}
