using System.Diagnostics;
using System.Text.Json;
using VmPod.PodKeeper.Tests.Cli;
using Xunit;

namespace VmPod.PodKeeper.Tests.Mirrors;

/// <summary>kill -9 of a mirror in the middle: the old head or the new one, whole; and the next run goes on where this one was.</summary>
public sealed class KilledMirrorTests : IDisposable
{
    // Cells of 64 KiB: enough that a run has a middle.
    private const int Cells = 480;

    private readonly MirrorBench bench = new(64 * 1024 * Cells);

    public void Dispose() => bench.Dispose();

    [Fact]
    [Trait("Spec", "P-114")]
    [Trait("Spec", "V-189")]
    public void After_kill_9_a_mirror_is_whole_with_its_old_head_or_the_new_one_and_the_next_run_sends_only_the_rest()
    {
        int rounds = Math.Max(2, Soak.Rounds);
        long whole = 0;
        ulong head = 0;
        for (int round = 0; round < rounds; round++)
        {
            // Every other time it is the first mirror that is killed.
            bool isFirst = round % 2 == 0;
            if (isFirst && Directory.Exists(bench.Mirror))
                Directory.Delete(bench.Mirror, recursive: true);
            if (!isFirst)
                bench.Put(64 * 1024 * Cells);
            else
                head = 0;
            long all = MirrorBench.Run("mirror", bench.Pod, bench.Mirror, "--dry-run").Expect(0).Json.GetProperty("cells").GetInt64();
            whole = Math.Max(whole, all);
            using (Process process = PodKeeperProgram.Start([], "mirror", bench.Pod, bench.Mirror))
            {
                process.StandardInput.Close();
                // By what is there and not by the clock: some of the cells came over, a set share of them.
                long wanted = all * 64 * 1024 * (round % 4 + 2) / 6, before = isFirst ? 0 : Bytes();
                while (!process.HasExited && Bytes() - before < wanted)
                    Thread.Sleep(1);
                process.Kill();
                process.WaitForExit();
            }
            if (File.Exists(Path.Combine(bench.Mirror, "vault.json")))
            {
                MirrorBench.Run("verify", bench.Mirror).Expect(0);
                Assert.True(isFirst || head > 0);
            }
            JsonElement rest = MirrorBench.Run("mirror", bench.Pod, bench.Mirror).Expect(0).Json;
            ulong was = rest.GetProperty("head_before").GetUInt64(), now = rest.GetProperty("head").GetUInt64();
            Assert.True(was == head || was == now, $"It had head {was}; {head} or {now} was to be there.");
            // Of what had come whole nothing is sent again: at least a third was there, but for what was on its way.
            Assert.InRange(rest.GetProperty("cells").GetInt64(), 0, all - all * (round % 4 + 2) / 6 + 1);
            head = now;
        }
        Assert.True(whole >= Cells);
        MirrorBench.Run("verify", bench.Mirror).Expect(0);
    }

    private long Bytes()
    {
        string segments = Path.Combine(bench.Mirror, "v1", "segments");
        return Directory.Exists(segments) ? Directory.GetFiles(segments).Sum(f => new FileInfo(f).Length) : 0;
    }
}
