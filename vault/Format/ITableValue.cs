namespace VmPod.Vault.Format;

/// <summary>How the values of a table are written.</summary>
/// <typeparam name="T">The value.</typeparam>
public interface ITableValue<T>
{
    /// <summary>The stream number of the table's leaves.</summary>
    static abstract uint LeafStream { get; }

    /// <summary>An upper bound of a value's bytes.</summary>
    static abstract int ValueBytesMax { get; }

    /// <summary>Appends a value. <paramref name="previous"/> is the value before it in the leaf (default for the first).</summary>
    static abstract void Write(ByteWriter writer, in T value, in T previous);

    /// <summary>Reads a value.</summary>
    static abstract T Read(ref ByteReader reader, in T previous);

    /// <summary>The value with the id of the cell that holds the manifest where an entry inside that manifest says "this cell" (a zero id).</summary>
    static abstract T Resolve(in T value, CellId self);
}
