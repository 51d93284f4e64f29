using System.Diagnostics;
using System.Globalization;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Tests.Cells;
using VmPod.Vault.Tests.Pods;
using Xunit;

namespace VmPod.Vault.Tests.Crash;

/// <summary>
/// The real thing (SECURITY.md R5 to R7): a put, a live tip and a commit, killed at every call that changes the disk, and with every error at every such
/// call. strace counts and injects. A sample in each run; all points with VMPOD_SOAK=50.
/// </summary>
[Trait("Threat", "T-13")]
[Trait("Threat", "T-20")]
public sealed class SyscallFaultTests(ITestOutputHelper output)
{
    private static readonly string[] CallNames = ["pwrite64", "fdatasync", "fsync", "ftruncate", "rename", "unlink"];

    [Fact]
    [Trait("Spec", "V-38")]
    [Trait("Spec", "V-60")]
    public void After_kill_9_at_any_call_all_that_was_acknowledged_is_there_and_the_next_put_works()
    {
        using var bench = new Bench();
        int points = 0, killed = 0, at = 0, step = Soak.Step(6);
        foreach ((string call, int count) in bench.Count())
        {
            for (int when = 1; when <= count; when++)
            {
                points++;
                if (at++ % step != 0)
                    continue;
                (int code, string[] said) = bench.Run($"inject={call}:signal=SIGKILL:when={when}");
                killed++;
                Assert.True(code is 128 + 9 or FaultWork.Done, $"{call} {when}: ended with {code}");
                bench.Check($"killed at {call} {when}", said);
            }
        }
        output.WriteLine($"{killed} of {points} points killed, 0 acknowledged commits lost");
        // How many of the calls one thread makes, and so can be named by their number, is the scheduler's.
        Assert.True(bench.Calls >= 60 && points >= 20 && (step > 1 || killed == points), $"{bench.Calls} calls, {points} points, {killed} killed");
    }

    [Theory]
    [InlineData("EIO", 9)]
    [InlineData("ENOSPC", 9)]
    [InlineData("EDQUOT", 9)]
    [InlineData("EINTR", 23)]
    [Trait("Spec", "V-61")]
    [Trait("Spec", "V-67")]
    public void An_error_of_any_call_is_never_acknowledged_and_loses_nothing(string error, int sample)
    {
        using var bench = new Bench();
        int points = 0, tried = 0, failed = 0, poisoned = 0, wentOn = 0, at = 0, step = Soak.Step(sample);
        foreach ((string call, int count) in bench.Count())
        {
            for (int when = 1; when <= count; when++)
            {
                points++;
                // Of the syncs all in every run: that none of them is forgiven is what the store stands on.
                bool isSync = call is "fdatasync" or "fsync" && error == "EIO" && Soak.Rounds > 1;
                if (at++ % step != 0 && !isSync)
                    continue;
                (int code, string[] said) = bench.Run($"inject={call}:error={error}:when={when}");
                tried++;
                Assert.True(code is FaultWork.Done or FaultWork.Refused, $"{error} of {call} {when}: ended with {code}: {string.Join(", ", said)}");
                failed += code == FaultWork.Refused ? 1 : 0;
                poisoned += said.Any(s => s.Contains("poisoned", StringComparison.Ordinal)) ? 1 : 0;
                wentOn += said.Contains("again") ? 1 : 0;
                bench.Check($"{error} of {call} {when}", said);
            }
        }
        output.WriteLine($"{error}: {tried} of {points} calls, {failed} failed the work, {poisoned} of them for good, {wentOn} times it went on at once");
        Assert.True(error == "EINTR" || failed > 0, $"{failed} of {tried}");
    }

    /// <summary>A pod with a past, and the copy of it that each run works on.</summary>
    private sealed class Bench : IDisposable
    {
        private readonly TestPod made = new(root: Directory.CreateDirectory(Path.Combine("/dev/shm", Path.GetRandomFileName())).FullName);
        private readonly string run, kept;

        internal Bench()
        {
            made.Write("a", Data.Text(1, 400_000));
            made.Put();
            kept = made.Keep("before");
            made.Write("a", Data.Text(2, 400_000));
            made.Write("b", Data.Random(2, 300_000));
            made.Vault.Dispose();
            run = Path.Combine(made.Root, "run");
        }

        /// <summary>All calls that <see cref="Count"/> saw, of all threads.</summary>
        internal int Calls { get; private set; }

        /// <summary>How often each call is made by one thread at most: strace counts for each.</summary>
        internal IReadOnlyList<(string Call, int Count)> Count()
        {
            (int code, _) = Run(null);
            Assert.Equal(FaultWork.Done, code);
            Check("nothing", FaultWork.Acknowledgements);
            string[] lines = File.ReadAllLines(Trace);
            Calls = lines.Count(l => CallNames.Any(call => l.Contains($" {call}(", StringComparison.Ordinal)));
            return [.. CallNames.Select(call => (call, lines.Where(l => l.Contains($" {call}(", StringComparison.Ordinal))
                .GroupBy(l => l.Split(' ')[0]).Select(g => g.Count()).DefaultIfEmpty(0).Max()))];
        }

        private string Trace => Path.Combine(made.Root, "trace");

        internal (int Code, string[] Said) Run(string? inject)
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
            start.Environment[FsyncHelper.Variable] = "work";
            start.Environment[FsyncHelper.Variable + "_DIR"] = run;
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
            ulong newest = vault.FindSession(TestPod.Session).Tip.Generation;
            Assert.True(newest is 1 or 2 && (newest == 2 || !said.Contains("put")), $"{what}: generation {newest}, said {string.Join(", ", said)}");
            Same(vault, 1, kept);
            if (newest == 2)
                Same(vault, 2, made.Source);
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
            if (said.Contains("again"))
                Assert.NotNull(vault.TryFindSession("again"));
            TestPod.Put(vault, made.Source);
            Same(vault, newest + 1, made.Source);
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

        public void Dispose()
        {
            made.Dispose();
            Directory.Delete(made.Root, recursive: true);
        }
    }
}
