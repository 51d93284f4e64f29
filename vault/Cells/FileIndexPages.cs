using Microsoft.Win32.SafeHandles;

namespace VmPod.Vault.Cells;

/// <summary>
/// Buckets in v1/index, by pread and pwrite. Not mapped: mapped pages would count in this process's memory as the vault grows, and a mapped
/// file on a full or failing disk ends the process with SIGBUS instead of an error.
/// </summary>
internal sealed class FileIndexPages(StoreDisk disk, SafeFileHandle file, string name, uint buckets) : IIndexPages
{
    public uint Buckets => buckets;

    internal SafeFileHandle File => file;

    public void Read(uint bucket, Span<byte> page)
    {
        int read;
        try
        {
            read = StoreDisk.Read(file, page, OffsetOf(bucket));
        }
        catch (IOException e)
        {
            throw new IndexDamagedException(e.Message);
        }
        if (read != page.Length)
            throw new IndexDamagedException("too short");
    }

    public void Write(uint bucket, ReadOnlySpan<byte> page) => disk.Write(file, name, page, OffsetOf(bucket));

    public void Dispose() => file.Dispose();

    internal static long OffsetOf(uint bucket) => (bucket + 1L) * IndexBucket.Size;
}
