using System.Diagnostics;
using VmPod.Benchmarks.Report;
using VmPod.Vault.Codecs;
using VmPod.Vault.Format;

namespace VmPod.Benchmarks.Vaults;

/// <summary>What each effort of zstd costs and gives: by this a slow link's spare time is used (vault/README.md).</summary>
internal static class EffortTable
{
    // The slowest makes some 6 MiB a second.
    private const int ChunksMax = 1024;

    /// <summary>Measures all, on one thread, over evenly spread frames of a session's chunks.</summary>
    public static BenchTable Measure(ChunkList chunks)
    {
        var table = new BenchTable("How hard zstd tries, where a link is slower than the CPU", "effort", "MiB/s of a CPU", "time / fast",
            "bytes / fast", "Mbit/s that two CPUs fill");
        byte[] plain = new byte[FormatLimits.GroupBytesMax], output = new byte[ChunkEncoder.OutputBytesOf(FormatLimits.GroupBytesMax)];
        (double Seconds, long Bytes) fast = default;
        foreach (Effort effort in Enum.GetValues<Effort>())
        {
            using var encoder = new ChunkEncoder(effort);
            using ChunkList.Reader reader = chunks.Open();
            long read = 0, made = 0;
            TimeSpan spent = default;
            int frames = Math.Max(1, Math.Min(chunks.Chunks.Count, ChunksMax) / StageProfile.ChunksOfFrame);
            for (int frame = 0; frame < frames; frame++)
            {
                int first = (int)((long)frame * chunks.Chunks.Count / frames), length = 0;
                for (int i = first; i < Math.Min(first + StageProfile.ChunksOfFrame, chunks.Chunks.Count); i++)
                    length += reader.Read(i, plain.AsSpan(length, FormatLimits.ChunkBytes)).Length;
                long begun = Stopwatch.GetTimestamp();
                made += encoder.Deflate(plain.AsSpan(0, length), default, output);
                spent += Stopwatch.GetElapsedTime(begun);
                read += length;
            }
            if (effort == Effort.Fast)
                fast = (spent.TotalSeconds, made);
            table.Add(effort.ToString().ToLowerInvariant(), read / 1048576.0 / spent.TotalSeconds, spent.TotalSeconds / fast.Seconds, (double)made / fast.Bytes,
                2 * made * 8 / 1e6 / spent.TotalSeconds);
        }
        return table;
    }
}
