using System.IO.Hashing;
using System.Runtime.CompilerServices;
using VmPod.Sync.Rsync.Signatures;
using VmPod.Sync.Rsync.Sums;

namespace VmPod.Sync.Rsync.Deltas;

/// <summary>
/// The search for blocks of a basis in a new file, in one pass over it. One rolling sum goes over the bytes and is made anew only behind a match, which moves
/// it on by a whole block; what lies between two matches is data.
/// </summary>
/// <remarks>
/// The buffer holds the new file from the first byte that is not in the delta yet:
/// <code>
///     buffer := { data, no block found | window: the sum is of this | not looked at | room }
///               literal                at                           at + window     end
/// </code>
/// </remarks>
internal sealed class DeltaScan<TRolling> : IDeltaScan
    where TRolling : struct, IRolling
{
    private readonly Signature basis;
    private readonly DeltaWriter writer;
    private readonly BlockIndex index;
    private readonly XxHash3? whole;
    private readonly byte[] buffer = new byte[RsyncLimits.ScanBytes];
    private readonly int window, futileFactor;
    private readonly bool atBlocks;
    private TRolling rolling;
    private bool isSumOfWindow, isSearching;
    private int literal, at, end, next;
    private long start, futileBytes;

    internal DeltaScan(Signature basis, TRolling rolling, DeltaWriter writer, DeltaSearch search, bool isHashDue, int futileFactor)
    {
        (this.basis, this.rolling, this.writer, this.futileFactor) = (basis, rolling, writer, futileFactor);
        index = new BlockIndex(basis);
        whole = isHashDue ? new XxHash3() : null;
        window = basis.BlockBytes;
        atBlocks = search == DeltaSearch.AtBlocks;
        isSearching = window >= RsyncLimits.CopyBytesMin;
    }

    /// <inheritdoc/>
    public Span<byte> Room()
    {
        if (end == buffer.Length)
        {
            if (at - literal > buffer.Length / 2)
                WriteData(at);
            // Less than half of the buffer is data, and less than a window is behind `at`: so this makes room.
            buffer.AsSpan(literal, end - literal).CopyTo(buffer);
            (start, at, end, literal) = (start + literal, at - literal, end - literal, 0);
        }
        return buffer.AsSpan(end);
    }

    /// <inheritdoc/>
    public void Advance(int count)
    {
        whole?.Append(buffer.AsSpan(end, count));
        end += count;
        while (isSearching && Step())
        {
        }
        at = isSearching ? at : end;
    }

    /// <inheritdoc/>
    public DeltaSummary End()
    {
        CopyLastBlock();
        WriteData(end);
        writer.End(whole is null ? null : FileHash.OfXxh3(whole.GetCurrentHashAsUInt64()));
        return new DeltaSummary(writer.CopiedBytes, writer.DataBytes, futileBytes);
    }

    /// <summary>One window, or all up to the next that may match; false if more bytes are needed.</summary>
    private bool Step()
    {
        if (!isSumOfWindow)
        {
            if (end - at < window)
                return false;
            rolling.Start(buffer.AsSpan(at, window));
            isSumOfWindow = true;
            if (IsBlock())
                return true;
        }
        if (!atBlocks)
            return Roll();
        at += window;
        isSumOfWindow = false;
        return true;
    }

    // Compiled at its best from the first call on: a file of some megabytes is done before the runtime would get to it.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool Roll()
    {
        ReadOnlySpan<byte> leaving = buffer.AsSpan(at, end - at - window), entering = buffer.AsSpan(at + window, leaving.Length);
        TRolling sum = rolling;
        for (int i = 0; i < leaving.Length; i++)
        {
            sum.Roll(leaving[i], entering[i]);
            if (!index.MayHave(sum.Value))
                continue;
            (rolling, at) = (sum, at + i + 1);
            _ = IsBlock();
            return true;
        }
        (rolling, at) = (sum, at + leaving.Length);
        return false;
    }

    /// <summary>Whether the window is a block of the basis; if so it is copied, and the next window begins behind it.</summary>
    private bool IsBlock()
    {
        uint sum = rolling.Value;
        if (!index.Has(sum))
            return false;
        int block = Choose(sum, BlockSums.Hash(basis.Hash, buffer.AsSpan(at, window)));
        if (block < 0)
        {
            futileBytes += window;
            isSearching = futileBytes <= RsyncLimits.FutileBytesBase + futileFactor * (start + end);
            return false;
        }
        WriteData(at);
        writer.Copy((long)block * window, window);
        at += window;
        (literal, next, isSumOfWindow) = (at, block + 1, false);
        return true;
    }

    // Of equal blocks, the one that goes on with the copy before; else the one that stood here, so that what is in place stays one copy; else the first.
    private int Choose(uint sum, ulong hash)
    {
        if (at == literal && IsFullBlock(next, sum, hash))
            return next;
        long place = (start + at) / window;
        return place * window == start + at && IsFullBlock(place, sum, hash) ? (int)place : index.Find(sum, hash);
    }

    private bool IsFullBlock(long block, uint sum, ulong hash) =>
        block < basis.FullBlocks && basis.SumOf((int)block) == sum && basis.HashOf((int)block) == hash;

    /// <summary>A last block that is shorter than the others can only be the end of the new file.</summary>
    private void CopyLastBlock()
    {
        int length = basis.LastBlockBytes, last = basis.Count - 1;
        int from = end - length;
        if (!isSearching || length == window || from < literal || (atBlocks && (start + from) % window != 0))
            return;
        bool goesOn = from == literal && next == last && last > 0;
        ReadOnlySpan<byte> bytes = buffer.AsSpan(from, length);
        if ((goesOn || length >= RsyncLimits.CopyBytesMin) && BlockSums.Rolling(basis.Rolling, bytes) == basis.SumOf(last)
            && BlockSums.Hash(basis.Hash, bytes) == basis.HashOf(last))
        {
            WriteData(from);
            writer.Copy((long)last * window, length);
            literal = end;
        }
    }

    private void WriteData(int to)
    {
        writer.Data(buffer.AsSpan(literal, to - literal));
        literal = to;
    }
}
