using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Tests.Cells;
using VmPod.Vault.Tests.Pods;
using Xunit;

namespace VmPod.Vault.Tests.Crash;

/// <summary>A pod with a past, and the copy of it on which each run works, in a process of its own under strace.</summary>
internal sealed partial class FaultBench : IDisposable
{
    private static readonly string[] CallNames = ["pwrite64", "fdatasync", "fsync", "ftruncate", "rename", "unlink", "fallocate"];

    private readonly TestPod made = new(root: Directory.CreateDirectory(Path.Combine("/dev/shm", Path.GetRandomFileName())).FullName);
    private readonly string run, mode;

    // What each generation is, until the work's own put.
    private readonly List<string> kept = [];

    /// <param name="mode">What is done: <see cref="FaultWork.Writing"/> or <see cref="FaultWork.House"/>.</param>
    internal FaultBench(string mode)
    {
        this.mode = mode;
        if (mode == FaultWork.Writing)
        {
            made.Write("a", Data.Text(1, 400_000));
            Keep();
            made.Write("a", Data.Text(2, 400_000));
            made.Write("b", Data.Random(2, 300_000));
        }
        else
        {
            for (int changes = 0; changes < 3; changes++)
            {
                made.Write("disk-flat.vmdk", FaultWork.HouseDisk(changes));
                if (changes < 2)
                    Keep();
            }
        }
        made.Vault.Dispose();
        run = Path.Combine(made.Root, "run");
    }

    /// <summary>All calls that <see cref="Count"/> saw, of all threads.</summary>
    internal int Calls { get; private set; }

    private string Trace => Path.Combine(made.Root, "trace");

    private ulong Before => (ulong)kept.Count;

    /// <summary>The size of a file of the pod before the work, in bytes.</summary>
    internal long Length(string name) => new FileInfo(Path.Combine(made.Folder, name)).Length;

    /// <summary>The size of a file of the pod after the last run.</summary>
    internal long LengthAfter(string name) => new FileInfo(Path.Combine(run, "pod", name)).Length;

    /// <summary>How often each call is made by one thread at most: strace counts for each.</summary>
    internal IReadOnlyList<(string Call, int Count)> Count()
    {
        (int code, string[] said) = Run(null);
        Assert.Equal(FaultWork.Done, code);
        Assert.Equal(FaultWork.Acknowledgements(mode), said);
        Check("nothing", said);
        string[] lines = File.ReadAllLines(Trace);
        Calls = lines.Count(l => CallNames.Any(call => l.Contains($" {call}(", StringComparison.Ordinal)));
        return [.. CallNames.Select(call => (call, lines.Where(l => l.Contains($" {call}(", StringComparison.Ordinal))
            .GroupBy(l => l.Split(' ')[0]).Select(g => g.Count()).DefaultIfEmpty(0).Max())).Where(c => c.Item2 > 0)];
    }

    /// <summary>Writes of the last run of which the kernel did a part.</summary>
    internal int ShortWrites() => File.ReadLines(Trace).Select(l => Write().Match(l)).Count(m => m.Success
        && int.Parse(m.Groups["done"].Value, CultureInfo.InvariantCulture) < int.Parse(m.Groups["asked"].Value, CultureInfo.InvariantCulture));

    /// <summary>Bytes of the n-th write of the thread that makes most of them, in the last run.</summary>
    internal int WriteLength(int when) => File.ReadLines(Trace).Select(l => (Thread: l.Split(' ')[0], Write: Write().Match(l))).Where(m => m.Write.Success)
        .GroupBy(m => m.Thread).MaxBy(g => g.Count())!.Skip(when - 1).Select(m => int.Parse(m.Write.Groups["asked"].Value, CultureInfo.InvariantCulture))
        .FirstOrDefault(1);

    /// <summary>Does the work on a new copy.</summary>
    /// <param name="inject">What strace does to it; null for nothing.</param>
    /// <param name="limit">No byte at or beyond this place of a file can be written.</param>
    internal (int Code, string[] Said) Run(string? inject, long? limit = null)
    {
        if (Directory.Exists(run))
            Directory.Delete(run, recursive: true);
        FolderTree.Run("mkdir", run);
        FolderTree.Run("cp", "-a", made.Folder, made.Source, run);
        var start = new ProcessStartInfo("strace") { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (string argument in (string[])["-f", "--seccomp-bpf", "-o", Trace, "-e", "trace=" + string.Join(',', CallNames)])
            start.ArgumentList.Add(argument);
        if (inject is not null)
        {
            start.ArgumentList.Add("-e");
            start.ArgumentList.Add(inject);
        }
        start.ArgumentList.Add(Environment.ProcessPath!);
        start.Environment[FsyncHelper.Variable] = mode;
        start.Environment[FsyncHelper.Variable + "_DIR"] = run;
        if (limit is { } bytes)
        {
            start.Environment[FaultWork.LimitVariable] = bytes.ToString(CultureInfo.InvariantCulture);
            // The runtime keeps code that it compiles in a file without a name, which the bound must not hit.
            start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        }
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string[] said = process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        process.WaitForExit();
        _ = errors.Result;
        return (process.ExitCode, said);
    }

    /// <summary>All that was acknowledged is there, byte by byte; what was not is there as a whole or not at all; and the pod can be written.</summary>
    internal void Check(string what, string[] said)
    {
        using PodVault vault = TestPod.Unlock(Path.Combine(run, "pod"));
        Assert.True(vault.Store.IsLogSound(TestContext.Current.CancellationToken), what);
        Assert.Equal(0, vault.Verify(null, TestContext.Current.CancellationToken).MissingCount);
        ulong[] listed = [.. vault.ListGenerations(vault.FindSession(TestPod.Session).Handle).Select(g => g.Record.Generation)];
        string found = $"{what}: generations {string.Join(", ", listed)}, said {string.Join(", ", said)}";
        Assert.True(IsAllowed(listed, said), found);
        foreach (ulong generation in listed)
            Same(vault, generation, generation <= Before ? kept[(int)generation - 1] : made.Source);
        if (mode == FaultWork.Writing)
            CheckTip(vault, what, said);
        if (said.Contains("again"))
            Assert.NotNull(vault.TryFindSession("again"));
        TestPod.Put(vault, made.Source);
        if (mode == FaultWork.House)
            Assert.Equal("squash", FaultWork.KeepHouse(vault).Last());
        Same(vault, vault.FindSession(TestPod.Session).Tip.Generation, made.Source);
        Assert.True(vault.Verify(null, TestContext.Current.CancellationToken).IsSound, found);
    }

    /// <summary>
    /// After a disk that lied: nothing reads as anything but what it was, and if something acknowledged is not there, something says so. Whether it was missed.
    /// </summary>
    internal bool IsMissed(string what, string[] said)
    {
        bool isSaid = false, isMissed = false;
        try
        {
            using PodVault vault = TestPod.Unlock(Path.Combine(run, "pod"), StoreAccess.Read);
            isSaid = vault.Store.NewestHeadLost || !vault.Store.IsLogSound(TestContext.Current.CancellationToken)
                || !vault.Verify(null, TestContext.Current.CancellationToken).IsSound;
            ulong[] listed = [.. vault.ListGenerations(vault.FindSession(TestPod.Session).Handle).Select(g => g.Record.Generation)];
            isMissed = !IsAllowed(listed, said);
            foreach (ulong generation in listed)
            {
                try
                {
                    Same(vault, generation, generation <= Before ? kept[(int)generation - 1] : made.Source);
                }
                catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged)
                {
                    isMissed = true;
                }
            }
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged)
        {
            isSaid = isMissed = true;
        }
        Assert.True(isSaid || !isMissed, $"{what}: something that was acknowledged ({string.Join(", ", said)}) is not there, and nothing says so");
        return isMissed;
    }

    // What was there stays until a forgetting; each step takes place as a whole or not at all.
    private bool IsAllowed(ulong[] listed, string[] said)
    {
        ulong[] old = [.. Enumerable.Range(1, kept.Count).Select(g => (ulong)g)];
        ulong[][] states = [old, [.. old, Before + 1], [Before + 1], [Before + 2], [Before + 3]];
        string[] steps = ["", "put", "forget", "clean", "squash"];
        int last = mode == FaultWork.Writing ? 1 : 4, done = Math.Max(0, Enumerable.Range(1, last).LastOrDefault(i => said.Contains(steps[i])));
        return Enumerable.Range(done, Math.Min(last, done + 1) - done + 1).Any(i => listed.SequenceEqual(states[i]));
    }

    private static void CheckTip(PodVault vault, string what, string[] said)
    {
        int commits = 0;
        if (vault.ListSessions().FirstOrDefault(s => s.Name == FaultWork.Tip) is { } tip)
        {
            using SessionReader reader = vault.OpenSession(FaultWork.Tip, tip: true);
            commits = reader.Record.Kind == GenerationKind.Draft ? 1 : 2;
            byte[] chunk = new byte[FormatLimits.ChunkBytes];
            foreach (StreamInfo stream in reader.Streams)
            {
                for (int i = 0; i < stream.ChunkCount; i++)
                {
                    reader.ReadChunk(stream, i, chunk);
                    Assert.True(chunk.AsSpan().SequenceEqual(FaultWork.TipChunk(commits, i)), $"{what}: chunk {i} of commit {commits}");
                }
            }
        }
        Assert.True(commits >= said.Count(s => s is "tip" or "commit"), $"{what}: {commits} commits, said {string.Join(", ", said)}");
    }

    private static void Same(PodVault vault, ulong generation, string folder)
    {
        using SessionReader reader = vault.OpenSession(TestPod.Session, generation);
        byte[] chunk = new byte[FormatLimits.ChunkBytes];
        Assert.Equal(Directory.GetFiles(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal),
            reader.Streams.Select(s => s.Name).Order(StringComparer.Ordinal));
        foreach (StreamInfo stream in reader.Streams)
        {
            byte[] expected = File.ReadAllBytes(Path.Combine(folder, stream.Name));
            for (int i = 0; i < stream.ChunkCount; i++)
            {
                int length = stream.ChunkLength(i);
                reader.ReadChunk(stream, i, chunk);
                Assert.True(expected.AsSpan(i * FormatLimits.ChunkBytes, length).SequenceEqual(chunk.AsSpan(0, length)),
                    $"{stream.Name} of generation {generation.ToString(CultureInfo.InvariantCulture)}");
            }
        }
    }

    private void Keep()
    {
        made.Put();
        kept.Add(made.Keep($"{kept.Count + 1}"));
    }

    public void Dispose()
    {
        made.Dispose();
        Directory.Delete(made.Root, recursive: true);
    }

    [GeneratedRegex(@" pwrite64\(.*, (?<asked>\d+), \d+\) += (?<done>\d+)$")]
    private static partial Regex Write();
}
