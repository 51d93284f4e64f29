using System.Buffers;
using VmPod.Vault.Format;

namespace VmPod.Vault.Cells;

/// <summary>Reads and hashes a range of cells on two threads: the one loop behind verify and the rebuilding of the index.</summary>
internal static class CellScan
{
    // Hashing is the bound (about 2 GB/s a core with SHA extensions); two threads also keep a disk busy while one hashes.
    private const int Threads = 2;
    private const int BlockCells = 64;

    /// <summary>Told of a cell: its position, and the id of its bytes and these, or null if they cannot be read.</summary>
    internal delegate void CellSeen(long position, CellId? id, ReadOnlySpan<byte> cell);

    /// <summary>Calls <paramref name="onCell"/>, from two threads and in no order, with each position but those left out.</summary>
    internal static void Run(SegmentSet segments, int cellBytes, long from, long to, Func<long, bool> isLeftOut, CellSeen onCell,
        CancellationToken cancel)
    {
        long next = from;
        void Work()
        {
            var cell = ArrayPool<byte>.Shared.Rent(cellBytes);
            try
            {
                while (true)
                {
                    long start = Interlocked.Add(ref next, BlockCells) - BlockCells;
                    if (start >= to)
                        return;
                    for (long position = start; position < Math.Min(start + BlockCells, to); position++)
                    {
                        cancel.ThrowIfCancellationRequested();
                        if (isLeftOut(position))
                            continue;
                        bool isRead = segments.TryRead(position, cell.AsSpan(0, cellBytes));
                        onCell(position, isRead ? CellId.Of(cell.AsSpan(0, cellBytes)) : null, isRead ? cell.AsSpan(0, cellBytes) : default);
                    }
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(cell);
            }
        }
        if (to - from <= BlockCells)
            Work();
        else
            Task.WhenAll(Enumerable.Range(0, Threads).Select(_ => Task.Run(Work, CancellationToken.None))).GetAwaiter().GetResult();
    }
}
