using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Tests.Cells;

namespace VmPod.Vault.Tests.Crash;

/// <summary>Asks the real store which head counts in a state. What bears on that is asked once. Thread-safe.</summary>
internal sealed class CrashJudge
{
    /// <summary>The head that counts, and how many cells it has.</summary>
    internal sealed record Verdict(ulong Seq, long Cells, string? Problem);

    private readonly ConcurrentDictionary<(ulong, ulong, int), Verdict> known = [];
    private readonly ConcurrentDictionary<int, byte[]> cells = [];

    /// <summary>How many states were opened with the real store.</summary>
    internal int Opened => known.Count;

    internal byte[] Cell(int number) => cells.GetOrAdd(number, PodFolder.Cell);

    internal Verdict Judge(ReadOnlySpan<byte> slots, ReadOnlySpan<byte> log, ReadOnlySpan<byte> segment, CrashState state)
    {
        var key = (HashOf(slots), HashOf(log), segment.Length / PodFolder.CellBytes);
        if (known.TryGetValue(key, out Verdict? verdict))
            return verdict;
        using var pod = new PodFolder();
        state.WriteTo(pod.Dir);
        return known.GetOrAdd(key, Open(pod));
    }

    // For reading first, as it lies there, then for writing, and used; all must agree.
    private static Verdict Open(PodFolder pod)
    {
        try
        {
            ulong seq;
            long count;
            using (var store = pod.Open(StoreAccess.Read))
                (seq, count) = (store.Head.Seq, store.CellCount);
            using (var store = pod.Open())
            {
                if (store.Head.Seq != seq || store.CellCount != count)
                    return new Verdict(seq, count, $"head {seq} for a reader, {store.Head.Seq} for a writer");
                if (!store.IsLogSound(default))
                    return new Verdict(seq, count, $"head {seq}: its log is damaged");
                _ = PodFolder.Append(store, 500, 1);
                _ = PodFolder.Commit(store, 42);
            }
            using var again = pod.Open(StoreAccess.Read);
            PodFolder.AssertReads(again, 500, 1);
            return new Verdict(seq, count, again.Head.Seq == seq + 1 ? null : "a commit after recovery is lost");
        }
        catch (VmPodException e)
        {
            return new Verdict(0, 0, e.Message);
        }
    }

    // FNV-1a over 8 bytes at a time: states are many, and nobody chooses them against us.
    private static ulong HashOf(ReadOnlySpan<byte> bytes)
    {
        ulong hash = 14695981039346656037UL ^ (ulong)bytes.Length;
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
        unchecked
        {
            foreach (ulong word in words)
            {
                hash = (hash ^ word) * 1099511628211UL;
                hash ^= hash >> 32;
            }
            foreach (byte value in bytes[(words.Length * 8)..])
                hash = (hash ^ value) * 1099511628211UL;
        }
        return hash;
    }
}
