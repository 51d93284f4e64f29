using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;

namespace VmPod.Testing;

/// <summary>Looks for byte patterns in files, folders, block devices and the memory of processes, and says what it looked at.</summary>
/// <remarks>A search that finds nothing proves nothing unless the same search finds a planted pattern: plant one (<see cref="PlantControl"/>).</remarks>
public sealed class CanarySearch(IReadOnlyList<byte[]> patterns)
{
    private const int BlockBytes = 1 << 20;                 // fits the second-level cache, where each pattern looks through it once more
    private readonly int overlap = patterns.Max(p => p.Length) - 1;
    private readonly List<SearchedPlace> places = [];

    /// <summary>Everything searched so far.</summary>
    public IReadOnlyList<SearchedPlace> Places => places;

    /// <summary>All hits so far.</summary>
    public int Hits => places.Sum(p => p.Hits);

    /// <summary>Writes the first pattern to a file, as a control: a search of the same place must find it.</summary>
    public void PlantControl(string path) => System.IO.File.WriteAllBytes(path, patterns[0]);

    /// <summary>Searches every file below a folder. Links are not followed; pipes, sockets, and what vanishes meanwhile are left out.</summary>
    /// <param name="path">The folder; nothing if it is not there.</param>
    /// <param name="except">Folders to leave out.</param>
    public int Folder(string path, params IReadOnlyCollection<string> except)
    {
        int hits = 0;
        var todo = new Stack<string>([path]);
        while (todo.TryPop(out string? folder))
        {
            foreach (FileSystemInfo entry in List(folder))
            {
                if (entry.Attributes.HasFlag(FileAttributes.ReparsePoint) || except.Contains(entry.FullName))
                    continue;
                if (entry is DirectoryInfo)
                    todo.Push(entry.FullName);
                else if (OpenRegular(entry.FullName) is SafeFileHandle handle)
                {
                    using (handle)
                        hits += Add(entry.FullName, handle, direct: false);
                }
            }
        }
        return hits;
    }

    private static FileSystemInfo[] List(string folder)
    {
        const int ENOTCONN = 107;
        try
        {
            return new DirectoryInfo(folder).GetFileSystemInfos("*", new EnumerationOptions { AttributesToSkip = 0, IgnoreInaccessible = false });
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
        catch (IOException e) when (e.HResult == ENOTCONN)
        {
            // A mount whose server is dead: nobody can read anything there.
            return [];
        }
    }

    /// <summary>Searches a file or block device. With <paramref name="direct"/> it is read past the page cache (O_DIRECT): what is on the disk.</summary>
    public int File(string path, bool direct = false)
    {
        using SafeFileHandle handle = RawFile.OpenRead(path, direct);
        return Add(path, handle, direct);
    }

    /// <summary>Searches all readable memory of another process (needs the right to trace it). Nothing if it ends meanwhile.</summary>
    public int Process(int pid)
    {
        try
        {
            return SearchProcess(pid);
        }
        catch (IOException) when (!ProcessSnapshot.IsAlive(pid))
        {
            return 0;
        }
    }

    private int SearchProcess(int pid)
    {
        using SafeFileHandle memory = RawFile.OpenRead($"/proc/{pid}/mem", direct: false);
        long bytes = 0;
        int hits = 0;
        foreach ((ulong start, ulong end) in ProcessSnapshot.ReadableRanges(pid))
        {
            (long read, int found) = Scan(at => at < (long)(end - start) ? (at, (long)(end - start)) : null,
                (buffer, at) => RawFile.ReadMemory(memory, buffer, start + (ulong)at));
            bytes += read;
            hits += found;
        }
        places.Add(new SearchedPlace($"memory of process {pid}", bytes, hits));
        return hits;
    }

    /// <summary>How often a pattern stands in some bytes.</summary>
    public int Count(ReadOnlySpan<byte> bytes)
    {
        int hits = 0;
        foreach (byte[] pattern in patterns)
        {
            ReadOnlySpan<byte> rest = bytes;
            for (int at; (at = rest.IndexOf(pattern)) >= 0; rest = rest[(at + 1)..])
                hits++;
        }
        return hits;
    }

    private delegate int Reader(Span<byte> buffer, long offset);

    private int Add(string place, SafeFileHandle handle, bool direct)
    {
        const int EINVAL = 22;
        long bytes = 0;
        int hits = 0;
        try
        {
            (bytes, hits) = Scan(at => NextRange(handle, at, direct), (buffer, at) => RandomAccess.Read(handle, buffer, at));
        }
        catch (IOException e) when (e.HResult == EINVAL && !direct)
        {
            // A file that has no bytes: the mark of a network namespace in /run/netns is one.
        }
        places.Add(new SearchedPlace(place, bytes, hits));
        return hits;
    }

    /// <summary>Null for sockets, pipes, and what is gone by now.</summary>
    private static SafeFileHandle? OpenRegular(string path)
    {
        const int ENOENT = 2, ENXIO = 6, ENOTCONN = 107;
        try
        {
            SafeFileHandle handle = RawFile.OpenRead(path, direct: false);
            if (RawFile.CanSeek(handle))
                return handle;
            handle.Dispose();
            return null;
        }
        catch (IOException e) when (e.HResult is ENOENT or ENXIO or ENOTCONN)
        {
            return null;
        }
    }

    /// <summary>Reads range by range; the last bytes of a block are searched again with the next one, and only hits that end there count.</summary>
    private unsafe (long Bytes, int Hits) Scan(Func<long, (long Start, long End)?> next, Reader read)
    {
        const int Alignment = 4096;                         // O_DIRECT wants address, offset and length aligned
        byte* memory = (byte*)NativeMemory.AlignedAlloc(Alignment + BlockBytes, Alignment);
        try
        {
            var buffer = new Span<byte>(memory, Alignment + BlockBytes);
            long total = 0;
            int hits = 0, kept = 0;
            for (long at = 0; next(at) is (long start, long end);)
            {
                if (start != at)
                    kept = 0;
                at = start;
                while (at < end)
                {
                    int got = read(buffer.Slice(Alignment, (int)Math.Min(BlockBytes, end - at)), at);
                    if (got <= 0)
                        return (total, hits);
                    hits += Count(buffer.Slice(Alignment - kept, kept + got)) - (kept > 0 ? Count(buffer.Slice(Alignment - kept, kept)) : 0);
                    total += got;
                    at += got;
                    int keep = Math.Min(overlap, kept + got);
                    buffer.Slice(Alignment + got - keep, keep).CopyTo(buffer[(Alignment - keep)..]);
                    kept = keep;
                }
            }
            return (total, hits);
        }
        finally
        {
            NativeMemory.Clear(memory, Alignment + BlockBytes);
            NativeMemory.AlignedFree(memory);
        }
    }

    private static (long Start, long End)? NextRange(SafeFileHandle handle, long at, bool direct)
    {
        try
        {
            (long Start, long End)? data = Libc.NextData(handle, at);
            // With O_DIRECT ranges begin on a block; what a hole adds in front is zeros.
            return data is (long start, long end) ? (direct ? start / 4096 * 4096 : start, direct ? (end + 4095) / 4096 * 4096 : end) : null;
        }
        catch (IOException)
        {
            // A block device, or /proc: no holes to ask for. Read until it ends.
            return at == 0 ? (0, long.MaxValue) : null;
        }
    }
}
