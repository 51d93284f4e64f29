using System.IO.Hashing;
using System.Security.Cryptography;
using VmPod.Benchmarks.Report;
using VmPod.Foundation;
using VmPod.Vault.Codecs;
using VmPod.Vault.Format;
using ZstdSharp;

namespace VmPod.Benchmarks.Vaults;

/// <summary>Each stage of a put by itself, on one thread, over the same chunks: what a CPU second of a put is made of.</summary>
internal sealed class StageProfile
{
    /// <summary>The name of the compressor's stage.</summary>
    public const string Zstd = "zstd as a put uses it: strategy fast, four chunks a frame";

    /// <summary>The name of the reading stage.</summary>
    public const string ReadStage = "read (page cache)";

    /// <summary>Chunks of a frame.</summary>
    public const int ChunksOfFrame = FormatLimits.GroupBytesMax / FormatLimits.ChunkBytes;

    private const int ChunksMax = 4096, Level = 1;
    private const double Mi = 1 << 20;

    private readonly List<Stage> stages = [];

    private StageProfile()
    {
    }

    /// <summary>The stages, in the order of a put.</summary>
    public IReadOnlyList<Stage> Stages => stages;

    /// <summary>Bytes of chunks in the sample.</summary>
    public double PlainBytes { get; private set; }

    /// <summary>Cells that the sample became.</summary>
    public int Cells { get; private set; }

    /// <summary>Bytes that zstd made of the sample.</summary>
    public double PackedBytes { get; private set; }

    /// <summary>Runs all stages.</summary>
    public static StageProfile Run(ChunkList chunks, string scratchFile)
    {
        var profile = new StageProfile();
        profile.RunStages(chunks, scratchFile);
        return profile;
    }

    /// <summary>The stages as a table.</summary>
    public BenchTable ToTable()
    {
        double sum = stages.Where(s => s.IsOfPut).Sum(s => s.CpuS);
        var table = new BenchTable($"Stages over {PlainBytes / Mi:0} MiB of chunks, which zstd makes {PackedBytes / Mi:0} MiB", "stage", "CPU ms", "share %",
            "MiB/s of plaintext", "ms by the clock");
        foreach (Stage stage in stages)
            table.Add(stage.Name, stage.CpuS * 1000, stage.IsOfPut ? stage.CpuS / sum * 100 : null, PlainBytes / Mi / stage.CpuS, stage.WallS * 1000);
        table.Add("sum", sum * 1000, 100.0, PlainBytes / Mi / sum, stages.Where(s => s.IsOfPut).Sum(s => s.WallS) * 1000);
        return table;
    }

    private void RunStages(ChunkList chunks, string scratchFile)
    {
        // Evenly from all over the session, in runs of a frame.
        int frames = Math.Min(ChunksMax, chunks.Chunks.Count) / ChunksOfFrame, count = frames * ChunksOfFrame;
        int[] chosen = [.. Enumerable.Range(0, count).Select(i =>
            (int)((long)(i / ChunksOfFrame) * (chunks.Chunks.Count - ChunksOfFrame) / Math.Max(1, frames - 1)) + i % ChunksOfFrame)];
        PlainBytes = chosen.Sum(i => (double)chunks.Chunks[i].Length);
        byte[] all = new byte[(long)count * FormatLimits.ChunkBytes];
        Memory<byte> At(int i) => all.AsMemory(i * FormatLimits.ChunkBytes, chunks.Chunks[chosen[i]].Length);
        using ChunkList.Reader reader = chunks.Open();
        using var compressor = new Compressor(Level);
        using var encoder = new ChunkEncoder(Effort.Fast);
        byte[] packed = new byte[(long)count * FormatLimits.ChunkBytes];
        byte[] output = new byte[ChunkEncoder.OutputBytesOf(FormatLimits.GroupBytesMax)];
        byte[] key = RandomNumberGenerator.GetBytes(32), mac = new byte[32];
        int zeros = 0, filled = 0;
        ulong pageHashes = 0;
        // First touches of memory are not part of any stage.
        Array.Fill<byte>(all, 1);
        Array.Fill<byte>(packed, 1);

        // CPU time: others may be using the machine. Waiting for the disk is none.
        void EachChunk(string name, Action<int> run) => Measure(name, StageUnit.Plaintext, count, run);
        EachChunk(ReadStage, i => reader.Read(chosen[i], At(i).Span));
        EachChunk("test for zeros", i => zeros += At(i).Span.ContainsAnyExcept((byte)0) ? 0 : 1);
        using var hash = new AesGcm(key, CellLayout.TagBytes);
        byte[] gmac = new byte[CellLayout.TagBytes], zeroNonce = new byte[12];
        EachChunk("change tag: HMAC of GMAC of the chunk", i =>
        {
            hash.Encrypt(zeroNonce, default, default, gmac, At(i).Span);
            HMACSHA256.HashData(key, gmac, mac);
        });
        EachChunk("(for comparison) HMAC-SHA-256 of the chunk", i => HMACSHA256.HashData(key, At(i).Span, mac));
        stages[^1] = stages[^1] with { IsOfPut = false };
        EachChunk("hash of each page: XXH3", i =>
        {
            ReadOnlySpan<byte> chunk = At(i).Span;
            for (int page = 0; page + FormatLimits.PageBytes <= chunk.Length; page += FormatLimits.PageBytes)
                pageHashes ^= XxHash3.HashToUInt64(chunk.Slice(page, FormatLimits.PageBytes));
        });
        EachChunk("(for comparison) zstd level 1, a chunk a frame", i => compressor.Wrap(At(i).Span, output));
        stages[^1] = stages[^1] with { IsOfPut = false };
        Measure(Zstd, StageUnit.Plaintext, frames, i =>
        {
            ReadOnlySpan<byte> plain = all.AsSpan(i * FormatLimits.GroupBytesMax, FormatLimits.GroupBytesMax);
            int length = encoder.Deflate(plain, default, output);
            ReadOnlySpan<byte> payload = length < plain.Length ? output.AsSpan(0, length) : plain;
            payload.CopyTo(packed.AsSpan(filled));
            filled += payload.Length;
        });
        PackedBytes = filled;

        int cellBytes = FormatLimits.CellBytesDefault, capacity = CellLayout.Capacity(cellBytes);
        Cells = (filled + capacity - 1) / capacity;
        byte[] sealedCells = new byte[(long)Cells * cellBytes], nonce = new byte[12], tag = new byte[CellLayout.TagBytes];
        Array.Fill<byte>(sealedCells, 1);
        using var aes = new AesGcm(key, CellLayout.TagBytes);
        Memory<byte> Body(int i) => packed.AsMemory(i * capacity, Math.Min(capacity, packed.Length - i * capacity));
        void EachCell(string name, Action<int> run) => Measure(name, StageUnit.Cell, Cells, run);
        EachCell("T of the cell: HMAC-SHA-256", i => HMACSHA256.HashData(key, Body(i).Span, mac));
        EachCell("AES-256-GCM", i => aes.Encrypt(nonce, Body(i).Span, sealedCells.AsSpan(i * cellBytes, Body(i).Length), tag));
        EachCell("id of the cell: SHA-256", i => SHA256.HashData(sealedCells.AsSpan(i * cellBytes, cellBytes), mac));
        using (var file = File.OpenHandle(scratchFile, FileMode.CreateNew, FileAccess.Write))
        {
            EachCell("write (page cache)", i => RandomAccess.Write(file, sealedCells.AsSpan(i * cellBytes, cellBytes), (long)i * cellBytes));
            Timing sync = Timing.Of(() => Libc.Fdatasync(file));
            stages.Add(new Stage("fsync", StageUnit.Cell, sync.CpuS, sync.WallS));
        }
        File.Delete(scratchFile);
        if (zeros != 0)
            throw new InvalidOperationException("A chunk of the list is zero.");
    }

    private void Measure(string name, StageUnit per, int count, Action<int> run)
    {
        Timing timing = Timing.Of(() =>
        {
            for (int i = 0; i < count; i++)
                run(i);
        });
        stages.Add(new Stage(name, per, timing.CpuS, timing.WallS));
    }
}
