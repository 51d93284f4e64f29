using System.Buffers.Binary;
using VmPod.Vault.Format;

namespace VmPod.Sync.Difference;

/// <summary>A node of the tree: the ids that begin with the same nibbles.</summary>
/// <param name="Depth">How many nibbles, 0 to 16.</param>
/// <param name="Bits">These nibbles, the first one highest; the other bits are 0.</param>
internal readonly record struct NodeName(int Depth, ulong Bits)
{
    /// <summary>All ids.</summary>
    internal static NodeName Root => default;

    /// <summary>Bytes of its name in a question of its depth.</summary>
    internal static int BytesAt(int depth) => (depth + 1) / 2;

    /// <summary>The first id that could be in it.</summary>
    internal CellId First
    {
        get
        {
            Span<byte> bytes = stackalloc byte[CellId.Size];
            bytes.Clear();
            BinaryPrimitives.WriteUInt64BigEndian(bytes, Bits);
            return CellId.ReadFrom(bytes);
        }
    }

    /// <summary>Its place among the nodes of its depth, which is 7 at most.</summary>
    internal int Index => Depth == 0 ? 0 : (int)(Bits >> (64 - 4 * Depth));

    /// <summary>The node of a depth at a place.</summary>
    internal static NodeName At(int depth, int index) => new(depth, depth == 0 ? 0 : (ulong)index << (64 - 4 * depth));

    /// <summary>One of its children.</summary>
    internal NodeName Child(int nibble) => new(Depth + 1, Bits | ((ulong)nibble << (60 - 4 * Depth)));

    /// <summary>True if an id is in it.</summary>
    internal bool Holds(in CellId id) => Depth == 0 || (id.Value.Prefix.High ^ Bits) >> (64 - 4 * Depth) == 0;

    /// <summary>Writes as many bytes as <see cref="BytesAt"/> says.</summary>
    internal void WriteTo(Span<byte> into)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, Bits);
        bytes[..BytesAt(Depth)].CopyTo(into);
    }

    /// <summary>Reads it; false where the spare nibble is not 0.</summary>
    internal static bool TryRead(int depth, ReadOnlySpan<byte> from, out NodeName name)
    {
        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        from[..BytesAt(depth)].CopyTo(bytes);
        name = new NodeName(depth, BinaryPrimitives.ReadUInt64BigEndian(bytes));
        return depth % 2 == 0 || (bytes[depth / 2] & 15) == 0;
    }
}
