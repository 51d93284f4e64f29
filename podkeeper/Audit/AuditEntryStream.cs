using System.Buffers.Binary;

namespace VmPod.Audit;

/// <summary>Reads the file of entries one by one: { length u16be | entry }, with one entry in memory.</summary>
internal sealed class AuditEntryStream(FileStream file) : IDisposable
{
    internal const int LengthSize = 2;
    private readonly byte[] buffer = new byte[AuditLimits.EntryBytesMax];

    /// <summary>Where the next entry begins, and so where the last good one ended.</summary>
    internal long Offset { get; private set; }

    /// <summary>The next entry's bytes, valid until the next call; empty at the end, or with <paramref name="problem"/> set where there
    /// is none.</summary>
    internal ReadOnlySpan<byte> Next(out string? problem)
    {
        problem = null;
        int got = file.ReadAtLeast(buffer.AsSpan(0, LengthSize), LengthSize, throwOnEndOfStream: false);
        if (got == 0)
            return [];
        int length = got == LengthSize ? BinaryPrimitives.ReadUInt16BigEndian(buffer) : 0;
        if (got < LengthSize)
            problem = "the file ends inside it";
        else if (length is 0 or > AuditLimits.EntryBytesMax)
            problem = $"its length {length} is not within 1 to {AuditLimits.EntryBytesMax}";
        else if (file.ReadAtLeast(buffer.AsSpan(0, length), length, throwOnEndOfStream: false) < length)
            problem = "the file ends inside it";
        if (problem is not null)
            return [];
        Offset += LengthSize + length;
        return buffer.AsSpan(0, length);
    }

    public void Dispose() => file.Dispose();
}
