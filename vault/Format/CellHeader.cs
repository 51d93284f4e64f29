using System.Buffers.Binary;

namespace VmPod.Vault.Format;

/// <summary>The part of a cell that is not encrypted: 16 bytes.</summary>
public readonly record struct CellHeader(byte Suite, int CellBytes, ulong KeyId)
{
    /// <summary>Writes the 16 bytes.</summary>
    public void WriteTo(Span<byte> into)
    {
        BinaryPrimitives.WriteUInt32BigEndian(into, CellLayout.Magic);
        into[4] = Suite;
        into[5] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(into[6..], (ushort)(CellBytes / FormatLimits.CellUnitBytes));
        BinaryPrimitives.WriteUInt64BigEndian(into[8..], KeyId);
    }

    /// <summary>The key id of a header that was checked before.</summary>
    public static ulong KeyIdOf(ReadOnlySpan<byte> header) => BinaryPrimitives.ReadUInt64BigEndian(header[8..]);

    /// <summary>Reads the header of a whole cell. False unless it is exactly one, of this cell's length.</summary>
    public static bool TryRead(ReadOnlySpan<byte> cell, out CellHeader header)
    {
        header = default;
        if (!CellLayout.IsValidSize(cell.Length) || BinaryPrimitives.ReadUInt32BigEndian(cell) != CellLayout.Magic || cell[5] != 0
            || BinaryPrimitives.ReadUInt16BigEndian(cell[6..]) != cell.Length / FormatLimits.CellUnitBytes)
            return false;
        header = new CellHeader(cell[4], cell.Length, BinaryPrimitives.ReadUInt64BigEndian(cell[8..]));
        return true;
    }
}
