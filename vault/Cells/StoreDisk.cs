using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;

namespace VmPod.Vault.Cells;

/// <summary>
/// All of the store's file calls, by names relative to the pod folder, so that the order of writes and syncs is seen in one place: a test
/// observes each changing call before it happens.
/// </summary>
internal sealed class StoreDisk(string root, Action<DiskOperation>? observe)
{
    internal static bool IsNoSpace(Exception e) => e is IOException io && Libc.IsNoSpace(io);

    internal static bool IsDiskError(Exception e) => e is IOException or UnauthorizedAccessException;

    internal string PathOf(string name) => name.Length == 0 ? root : Path.Combine(root, name);

    internal SafeFileHandle? Open(string name, bool write = false) => Libc.OpenFile(PathOf(name), write, create: false);

    /// <summary>Opens a file for writing and makes it if it is not there; says whether it was.</summary>
    internal SafeFileHandle OpenOrCreate(string name, out bool isNew)
    {
        isNew = !File.Exists(PathOf(name));
        if (isNew)
            observe?.Invoke(new(DiskOperationKind.Create, name));
        return Libc.OpenFile(PathOf(name), write: true, create: true)!;
    }

    internal void Write(SafeFileHandle file, string name, ReadOnlySpan<byte> bytes, long offset)
    {
        observe?.Invoke(new(DiskOperationKind.Write, name, offset, bytes.ToArray()));
        Libc.Write(file, bytes, offset);
    }

    internal void Truncate(SafeFileHandle file, string name, long length)
    {
        observe?.Invoke(new(DiskOperationKind.Truncate, name, length));
        Libc.SetLength(file, length);
    }

    internal void Sync(SafeFileHandle file, string name)
    {
        observe?.Invoke(new(DiskOperationKind.Sync, name));
        Libc.Fdatasync(file);
    }

    internal void SyncFolder(string name)
    {
        observe?.Invoke(new(DiskOperationKind.SyncFolder, name));
        Libc.FsyncDirectory(PathOf(name));
    }

    internal void CreateFolder(string name)
    {
        if (Directory.Exists(PathOf(name)))
            return;
        if (!OperatingSystem.IsLinux())
            throw new PlatformNotSupportedException("The store needs Linux.");
        observe?.Invoke(new(DiskOperationKind.CreateFolder, name));
        _ = Directory.CreateDirectory(PathOf(name), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>Frees a range of a file; false where the file system has no holes.</summary>
    internal bool Punch(SafeFileHandle file, string name, long offset, long length)
    {
        observe?.Invoke(new(DiskOperationKind.Punch, name, offset, Length: length));
        return Libc.TryPunchHole(file, offset, length);
    }

    internal void Rename(string from, string to)
    {
        observe?.Invoke(new(DiskOperationKind.Rename, from, Target: to));
        File.Move(PathOf(from), PathOf(to), overwrite: true);
    }

    internal void Delete(string name)
    {
        if (!File.Exists(PathOf(name)))
            return;
        observe?.Invoke(new(DiskOperationKind.Delete, name));
        File.Delete(PathOf(name));
    }

    /// <summary>Reads until the span is full or the file ends; the number of bytes read.</summary>
    internal static int Read(SafeFileHandle file, Span<byte> bytes, long offset)
    {
        int filled = 0;
        while (filled < bytes.Length)
        {
            int read = RandomAccess.Read(file, bytes[filled..], offset + filled);
            if (read == 0)
                break;
            filled += read;
        }
        return filled;
    }

    /// <summary>A whole small file, or null if it is not there. One byte more than the bound is read, so that the caller sees "too
    /// long".</summary>
    internal byte[]? ReadSmall(string name, int bytesMax)
    {
        using var file = Open(name);
        if (file is null)
            return null;
        var bytes = new byte[bytesMax + 1];
        return bytes[..Read(file, bytes, 0)];
    }
}
