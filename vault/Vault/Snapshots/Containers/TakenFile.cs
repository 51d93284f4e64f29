using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;

namespace VmPod.Vault.Snapshots.Containers;

/// <summary>A file that is taken apart: its length and time are those it had when it was opened, or it changed and is refused.</summary>
internal sealed class TakenFile : IDisposable
{
    private readonly string path;
    private readonly SafeFileHandle handle;
    private readonly DateTime modified;

    /// <summary>Opens it.</summary>
    public TakenFile(string path)
    {
        this.path = path;
        handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        Length = RandomAccess.GetLength(handle);
        modified = File.GetLastWriteTimeUtc(handle);
    }

    /// <summary>Bytes of the file.</summary>
    public long Length { get; }

    /// <summary>Reads just so many bytes. False if the file ends before.</summary>
    public bool TryRead(long offset, Span<byte> into)
    {
        while (into.Length > 0)
        {
            int n = RandomAccess.Read(handle, into, offset);
            if (n == 0)
                return false;
            into = into[n..];
            offset += n;
        }
        return true;
    }

    /// <summary>Reads just so many bytes of what was in the file when it was opened.</summary>
    /// <exception cref="VmPodException">The file became shorter (2).</exception>
    public void Read(long offset, Span<byte> into)
    {
        if (!TryRead(offset, into))
            throw Changed();
    }

    /// <summary>The next range of data.</summary>
    public (long Start, long End)? NextData(long offset) => Libc.NextData(handle, offset);

    /// <summary>Asks whether the file is what it was.</summary>
    /// <exception cref="VmPodException">It changed (2).</exception>
    public void CheckUnchanged()
    {
        if (RandomAccess.GetLength(handle) != Length || File.GetLastWriteTimeUtc(handle) != modified)
            throw Changed();
    }

    /// <summary>The refusal of a file that changed.</summary>
    public VmPodException Changed() =>
        new(ExitCode.Usage, $"{path} changed while it was read: nothing was put.", "Stop what writes to it, then put again.");

    /// <inheritdoc/>
    public void Dispose() => handle.Dispose();
}
