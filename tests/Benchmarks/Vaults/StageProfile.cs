using System.Security.Cryptography;
using VmPod.Benchmarks.Report;
using VmPod.Foundation;
using VmPod.Vault.Format;
using ZstdSharp;

namespace VmPod.Benchmarks.Vaults;

/// <summary>Each stage of a put by itself, on one thread, over the same chunks: what a CPU second of a put is made of.</summary>
internal sealed class StageProfile(ChunkList chunks, string scratchFile)
{
    private const int ChunksMax = 4096, Level = 1;
    private const double Mi = 1 << 20;

    /// <summary>Runs all stages.</summary>
    public BenchTable Run()
    {
        // Evenly from all over the session.
        int count = Math.Min(ChunksMax, chunks.Chunks.Count);
        int[] chosen = [.. Enumerable.Range(0, count).Select(i => (int)((long)i * chunks.Chunks.Count / count))];
        double plain = chosen.Sum(i => (double)chunks.Chunks[i].Length);
        byte[] all = new byte[(long)count * FormatLimits.ChunkBytes];
        Memory<byte> At(int i) => all.AsMemory(i * FormatLimits.ChunkBytes, chunks.Chunks[chosen[i]].Length);
        using ChunkList.Reader reader = chunks.Open();
        using var compressor = new Compressor(Level);
        byte[] packed = new byte[(long)count * FormatLimits.ChunkBytes];
        byte[] output = new byte[Compressor.GetCompressBound(FormatLimits.ChunkBytes)];
        byte[] key = RandomNumberGenerator.GetBytes(32), mac = new byte[32];
        int zeros = 0, filled = 0;
        // First touches of memory are not part of any stage.
        Array.Fill<byte>(all, 1);
        Array.Fill<byte>(packed, 1);

        var stages = new List<(string Name, double Seconds)>();
        void Stage(string name, Action run, bool isWait = false)
        {
            // CPU time: others may be using the machine. Waiting for the disk is none.
            Timing timing = Timing.Of(run);
            stages.Add((name, isWait ? timing.WallS : timing.CpuS));
        }
        void EachChunk(string name, Action<int> run) => Stage(name, () =>
        {
            for (int i = 0; i < count; i++)
                run(i);
        });

        EachChunk("read (page cache)", i => reader.Read(chosen[i], At(i).Span));
        EachChunk("test for zeros", i => zeros += At(i).Span.ContainsAnyExcept((byte)0) ? 0 : 1);
        using var hash = new AesGcm(key, CellLayout.TagBytes);
        byte[] gmac = new byte[CellLayout.TagBytes], zeroNonce = new byte[12];
        EachChunk("change tag: HMAC of GMAC of the chunk", i =>
        {
            hash.Encrypt(zeroNonce, default, default, gmac, At(i).Span);
            HMACSHA256.HashData(key, gmac, mac);
        });
        EachChunk("(for comparison) HMAC-SHA-256 of the chunk", i => HMACSHA256.HashData(key, At(i).Span, mac));
        EachChunk("zstd level 1", i =>
        {
            ReadOnlySpan<byte> chunk = At(i).Span;
            int length = compressor.Wrap(chunk, output);
            ReadOnlySpan<byte> payload = length < chunk.Length ? output.AsSpan(0, length) : chunk;
            payload.CopyTo(packed.AsSpan(filled));
            filled += payload.Length;
        });

        int cellBytes = FormatLimits.CellBytesDefault, capacity = CellLayout.Capacity(cellBytes), cells = (filled + capacity - 1) / capacity;
        byte[] sealedCells = new byte[(long)cells * cellBytes], nonce = new byte[12], tag = new byte[CellLayout.TagBytes];
        Array.Fill<byte>(sealedCells, 1);
        using var aes = new AesGcm(key, CellLayout.TagBytes);
        Memory<byte> Body(int i) => packed.AsMemory(i * capacity, Math.Min(capacity, packed.Length - i * capacity));
        void EachCell(string name, Action<int> run) => Stage(name, () =>
        {
            for (int i = 0; i < cells; i++)
                run(i);
        });
        EachCell("T of the cell: HMAC-SHA-256", i => HMACSHA256.HashData(key, Body(i).Span, mac));
        EachCell("AES-256-GCM", i => aes.Encrypt(nonce, Body(i).Span, sealedCells.AsSpan(i * cellBytes, Body(i).Length), tag));
        EachCell("id of the cell: SHA-256", i => SHA256.HashData(sealedCells.AsSpan(i * cellBytes, cellBytes), mac));
        using (var file = File.OpenHandle(scratchFile, FileMode.CreateNew, FileAccess.Write))
        {
            EachCell("write (page cache)", i => RandomAccess.Write(file, sealedCells.AsSpan(i * cellBytes, cellBytes), (long)i * cellBytes));
            Stage("fsync (by the clock)", () => Libc.Fdatasync(file), isWait: true);
        }
        File.Delete(scratchFile);
        if (zeros != 0)
            throw new InvalidOperationException("A chunk of the list is zero.");

        double sum = stages.Where(s => s.Name[0] != '(').Sum(s => s.Seconds);
        var table = new BenchTable($"Stages over {plain / Mi:0} MiB of chunks, which zstd makes {filled / Mi:0} MiB", "stage", "CPU ms", "share %",
            "MiB/s of plaintext");
        foreach ((string name, double seconds) in stages)
            table.Add(name, seconds * 1000, seconds / sum * 100, plain / Mi / seconds);
        table.Add("sum", sum * 1000, 100.0, plain / Mi / sum);
        return table;
    }
}
