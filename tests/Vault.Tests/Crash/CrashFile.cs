using VmPod.Vault.Cells;

namespace VmPod.Vault.Tests.Crash;

/// <summary>A file of the model: what is durable of it, and what a power cut may or may not leave of the rest, sector by sector.</summary>
internal sealed class CrashFile
{
    internal const int Sector = 512;

    /// <summary>One sector of a write, or a truncation: there after the cut, or not.</summary>
    internal readonly record struct Atom(long Offset, ReadOnlyMemory<byte> Data, bool IsTruncation);

    internal byte[] Durable { get; private set; } = [];

    internal List<Atom> Pending { get; } = [];

    internal static CrashFile Of(byte[] durable) => new() { Durable = durable };

    internal void Add(DiskOperation operation)
    {
        if (operation.Kind == DiskOperationKind.Truncate)
        {
            Pending.Add(new Atom(operation.Offset, default, true));
            return;
        }
        for (int at = 0; at < operation.Data.Length;)
        {
            // Cut where the disk cuts: at its own sectors, not at those of the write.
            int length = (int)Math.Min(Sector - (operation.Offset + at) % Sector, operation.Data.Length - at);
            var atom = new Atom(operation.Offset + at, operation.Data.Slice(at, length), false);
            // Zeros over zeros are the same either way: most of a slot is that.
            if (!ChangesNothing(atom))
                Pending.Add(atom);
            at += length;
        }
    }

    internal void Sync()
    {
        byte[] buffer = new byte[LengthMax];
        int length = Build(buffer, _ => true);
        Durable = buffer[..length];
        Pending.Clear();
    }

    /// <summary>The longest that it can be.</summary>
    internal int LengthMax => (int)Pending.Where(a => !a.IsTruncation).Select(a => a.Offset + a.Data.Length).Append(Durable.Length).Max();

    /// <summary>Writes the file that a cut leaves into a buffer of <see cref="LengthMax"/>. Returns its length.</summary>
    /// <param name="into">The buffer.</param>
    /// <param name="survives">Whether the atom of this index did.</param>
    internal int Build(byte[] into, Func<int, bool> survives)
    {
        Durable.CopyTo(into, 0);
        int length = Durable.Length;
        for (int i = 0; i < Pending.Count; i++)
        {
            if (!survives(i))
                continue;
            Atom atom = Pending[i];
            int offset = (int)atom.Offset;
            if (atom.IsTruncation)
            {
                length = offset;
                continue;
            }
            // A hole, or what a truncation took away, reads as zeros.
            if (offset > length)
                into.AsSpan(length, offset - length).Clear();
            atom.Data.Span.CopyTo(into.AsSpan(offset));
            length = Math.Max(length, offset + atom.Data.Length);
        }
        return length;
    }

    private bool ChangesNothing(Atom atom) => atom.Offset + atom.Data.Length <= Durable.Length
        && Durable.AsSpan((int)atom.Offset, atom.Data.Length).SequenceEqual(atom.Data.Span)
        && !Pending.Any(p => p.IsTruncation || (p.Offset < atom.Offset + atom.Data.Length && atom.Offset < p.Offset + p.Data.Length));
}
