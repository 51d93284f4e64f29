namespace VmPod.PodKeeper.Tests.Simulation;

/// <summary>A file in memory that is cut and grows.</summary>
internal sealed class SimBytes(byte[] bytes)
{
    private byte[] bytes = bytes;

    internal int Length { get; private set; } = bytes.Length;

    /// <summary>What is cut off, or comes new without being written, reads as zeros.</summary>
    internal void SetLength(int length)
    {
        if (length > bytes.Length)
            Array.Resize(ref bytes, Math.Max(length, bytes.Length * 2));
        if (length < Length)
            bytes.AsSpan(length, Length - length).Clear();
        Length = length;
    }

    internal void Put(int offset, ReadOnlySpan<byte> data)
    {
        if (offset + data.Length > Length)
            SetLength(offset + data.Length);
        data.CopyTo(bytes.AsSpan(offset));
    }

    internal byte[] ToArray() => bytes[..Length];
}
