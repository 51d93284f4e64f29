using System.Buffers;

namespace VmPod.Secrets;

/// <summary>A block of <see cref="LockedMemory"/> as <see cref="Memory{T}"/>, for code that hands buffers between threads. Owns the block.</summary>
public sealed unsafe class LockedMemoryOwner : MemoryManager<byte>
{
    private readonly LockedMemory block;
    private readonly int size;

    /// <summary>Maps and locks at least <paramref name="size"/> bytes, all zero.</summary>
    /// <exception cref="Foundation.VmPodException">The process may not lock so much memory (exit code 9).</exception>
    public LockedMemoryOwner(int size)
    {
        block = new LockedMemory(size);
        this.size = size;
    }

    /// <inheritdoc/>
    public override Span<byte> GetSpan() => block.Slice(0, size);

    /// <summary>The block never moves: nothing to pin.</summary>
    public override MemoryHandle Pin(int elementIndex = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(elementIndex);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(elementIndex, size);
        return new MemoryHandle(block.Pointer + elementIndex);
    }

    /// <inheritdoc/>
    public override void Unpin()
    {
    }

    /// <summary>Zeroes the block and returns it to the kernel.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            block.Dispose();
    }
}
