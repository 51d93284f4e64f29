using System.IO.Hashing;
using VmPod.Sync.Rsync.Signatures;
using VmPod.Sync.Rsync.Sums;

namespace VmPod.Sync.Rsync.Deltas;

/// <summary>Writes what a new file has and a basis has not, of which only the signature is here.</summary>
public static class DeltaBuilder
{
    /// <summary>Of a stream, from where it stands to its end: in one pass, or in two if <paramref name="delta"/> cannot seek, since the hash of the whole
    /// stands at the delta's begin.</summary>
    /// <exception cref="ArgumentException">Neither of the two streams can seek.</exception>
    public static DeltaSummary Build(Signature basis, Stream source, Stream delta, DeltaSearch search = DeltaSearch.Everywhere)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(delta);
        FileHash? known = delta.CanSeek ? null : HashAhead(source);
        IDeltaScan scan = Begin(basis, delta, search, known);
        while (source.Read(scan.Room()) is > 0 and int read)
            scan.Advance(read);
        return scan.End();
    }

    /// <summary>Of bytes.</summary>
    public static DeltaSummary Build(Signature basis, ReadOnlySpan<byte> source, Stream delta, DeltaSearch search = DeltaSearch.Everywhere)
    {
        ArgumentNullException.ThrowIfNull(delta);
        IDeltaScan scan = Begin(basis, delta, search, delta.CanSeek ? null : FileHash.OfXxh3(XxHash3.HashToUInt64(source)));
        while (!source.IsEmpty)
        {
            Span<byte> room = scan.Room();
            int count = Math.Min(room.Length, source.Length);
            source[..count].CopyTo(room);
            scan.Advance(count);
            source = source[count..];
        }
        return scan.End();
    }

    /// <summary>Begins one, with a bound of its own for what is hashed in vain.</summary>
    internal static IDeltaScan Begin(Signature basis, Stream delta, DeltaSearch search, FileHash? known, int futileFactor = RsyncLimits.FutileFactor)
    {
        ArgumentNullException.ThrowIfNull(basis);
        var writer = new DeltaWriter(delta, basis.Hash, basis.BasisHash, known);
        bool isHashDue = known is null;
        return basis.Rolling == RollingChecksum.Adler32V3
            ? new DeltaScan<PrimeRolling>(basis, new PrimeRolling(basis.BlockBytes), writer, search, isHashDue, futileFactor)
            : new DeltaScan<BinaryRolling>(basis, new BinaryRolling(basis.BlockBytes), writer, search, isHashDue, futileFactor);
    }

    private static FileHash HashAhead(Stream source)
    {
        if (!source.CanSeek)
            throw new ArgumentException("The new file or the delta must be able to seek: the hash of the one stands at the begin of the other.",
                nameof(source));
        long start = source.Position;
        var hash = new XxHash3();
        hash.Append(source);
        source.Position = start;
        return FileHash.OfXxh3(hash.GetCurrentHashAsUInt64());
    }
}
