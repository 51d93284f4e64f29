using System.Text;

namespace VmPod.HostGuard.Mount;

/// <summary>
/// One file of a <see cref="FuseMount"/>: a fixed number of bytes that are read and written at offsets. What stands behind them
/// (a vault, an overlay, memory) is the subclass's matter; the mount knows bytes only.
/// </summary>
/// <remarks>
/// All methods are called by serving threads, several at a time and in any order: a subclass locks for itself. They must never touch the
/// mount itself (a serving thread that faults on its own mount waits for itself). Spans point to locked memory outside the collected heap
/// and are valid during the call only; a subclass must not copy them to where they can be swapped out.
/// <para>
/// Errors: <see cref="MountIoException"/> answers with its errno; everything else is counted, remembered in
/// <see cref="FuseMount.LastError"/> and answered with EIO. A failed read of guest RAM is a SIGBUS that ends the guest, and a failed
/// write is lost work: wait rather than fail.
/// </para>
/// </remarks>
public abstract class MountedFile
{
    private static readonly byte[] Zeros = new byte[64 * 1024];

    /// <summary>Names a file of a fixed size.</summary>
    /// <param name="name">The entry in the mount's root: 1 to 255 bytes of UTF-8 without '/' and NUL, not "." or "..".</param>
    /// <param name="size">Bytes, 0 or more; it never changes.</param>
    /// <param name="kind">How the kernel caches it.</param>
    /// <param name="writable">False: opens for writing and writes are refused.</param>
    protected MountedFile(string name, long size, MountedFileKind kind, bool writable)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        if (name is "." or ".." || name.AsSpan().ContainsAny('/', '\0') || Encoding.UTF8.GetByteCount(name) > MountLimits.NameBytesMax)
            throw new ArgumentException("Not a name of a file.", nameof(name));
        (Name, Size, Kind, Writable) = (name, size, kind, writable);
    }

    /// <summary>The entry in the mount's root.</summary>
    public string Name { get; }

    /// <summary>Bytes.</summary>
    public long Size { get; }

    /// <summary>How the kernel caches it.</summary>
    public MountedFileKind Kind { get; }

    /// <summary>Whether it may be opened for writing.</summary>
    public bool Writable { get; }

    /// <summary>Fills all of <paramref name="into"/> from <paramref name="offset"/>; both lie within <see cref="Size"/>. May wait for as
    /// long as it must.</summary>
    public abstract void Read(long offset, Span<byte> into);

    /// <summary>Takes <paramref name="data"/> at <paramref name="offset"/>; both lie within <see cref="Size"/>. When it returns, every
    /// later read sees the data.</summary>
    public abstract void Write(long offset, ReadOnlySpan<byte> data);

    /// <summary>The barrier of fsync(2) and fdatasync(2); for a disk that is the guest's FLUSH. close(2) is none.</summary>
    public virtual void Flush()
    {
    }

    /// <summary>Makes a range read as zeros (fallocate(2) with PUNCH_HOLE or ZERO_RANGE: the guest's discard). As written, it writes
    /// zeros.</summary>
    public virtual void Zero(long offset, long length)
    {
        while (length > 0)
        {
            int part = (int)Math.Min(length, Zeros.Length);
            Write(offset, Zeros.AsSpan(0, part));
            offset += part;
            length -= part;
        }
    }

    /// <summary>Called when the mount was aborted or this file is wiped: calls that wait should give up (throw anything), nobody needs
    /// their answers any more. May be called more than once.</summary>
    public virtual void Abandon()
    {
    }
}
