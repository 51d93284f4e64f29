using System.Text;
using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Vault.Snapshots;

/// <summary>A file or folder that is to be put, with its name in the session.</summary>
internal sealed record SnapshotFile(string Path, string Name, bool IsFolder, long Length, uint Mode, long ModifiedNs)
{
    /// <summary>What it is to the session.</summary>
    public StreamKind Kind { get; init; } = IsFolder ? StreamKind.Folder : MachineFiles.KindOf(Name, Mode);

    // What VMware keeps beside a machine and makes anew: locks and caches.
    private static readonly string[] LeftOut = [".lck", ".lock"];

    /// <summary>
    /// Lists what stands under the paths: the contents of a folder, or a file by its own name. Links, devices, sockets and pipes are refused by name.
    /// </summary>
    /// <param name="paths">Files and folders.</param>
    /// <param name="leftOut">Told the names that are left out on purpose.</param>
    /// <exception cref="VmPodException">A path is missing (3), is no plain file or folder, or a name occurs twice (2).</exception>
    public static IReadOnlyList<SnapshotFile> List(IReadOnlyList<string> paths, Action<string> leftOut)
    {
        var files = new SortedDictionary<string, SnapshotFile>(StringComparer.Ordinal);
        foreach (string path in paths)
        {
            FileSystemInfo info = Plain(path);
            if (info is DirectoryInfo folder)
                AddFolder(folder, "", files, leftOut);
            else
                Add(info, info.Name, files);
        }
        if (!files.Values.Any(f => !f.IsFolder))
            throw new VmPodException(ExitCode.Usage, "There is no file to put in what was named.");
        if (files.Count > FormatLimits.StreamsMax)
            throw new VmPodException(ExitCode.Usage, $"A session holds at most {FormatLimits.StreamsMax} files and folders; these are {files.Count}.",
                "Put an archive of them.");
        return [.. files.Values];
    }

    private static void AddFolder(DirectoryInfo folder, string prefix, SortedDictionary<string, SnapshotFile> files, Action<string> leftOut)
    {
        foreach (FileSystemInfo child in folder.EnumerateFileSystemInfos().OrderBy(c => c.Name, StringComparer.Ordinal))
        {
            string name = prefix + child.Name;
            if (LeftOut.Any(e => child.Name.EndsWith(e, StringComparison.Ordinal)))
            {
                leftOut(name);
                continue;
            }
            // .NET shows a byte that is no UTF-8 as U+FFFD, and then cannot open the file.
            if (child.Name.Contains('\uFFFD', StringComparison.Ordinal) && !System.IO.Path.Exists(child.FullName))
                throw new VmPodException(ExitCode.Usage, $"The name of {child.FullName} is not UTF-8.", "Rename it.");
            FileSystemInfo plain = Plain(child.FullName);
            Add(plain, name, files);
            if (plain is DirectoryInfo inner)
                AddFolder(inner, name + "/", files, leftOut);
        }
    }

    private static void Add(FileSystemInfo info, string name, SortedDictionary<string, SnapshotFile> files)
    {
        bool isFolder = info is DirectoryInfo;
        long length = info is FileInfo file ? file.Length : 0;
        if (Encoding.UTF8.GetByteCount(name) > FormatLimits.NameBytesMax || !StreamInfo.IsSafeName(name))
            throw new VmPodException(ExitCode.Usage, $"The name of {info.FullName} is too long or not allowed.");
        if (length > FormatLimits.StreamBytesMax)
            throw new VmPodException(ExitCode.Usage, $"{info.FullName} is larger than 16 TiB, the most that a session's file may have.");
        long modified = (info.LastWriteTimeUtc - DateTime.UnixEpoch).Ticks * 100;
        if (!files.TryAdd(name, new SnapshotFile(info.FullName, name, isFolder, length, (uint)info.UnixFileMode, modified)) && !isFolder)
            throw new VmPodException(ExitCode.Usage, $"Two files would have the name {name} in the session.", "Put one folder that holds both.");
    }

    private static FileSystemInfo Plain(string path)
    {
        var file = new FileInfo(path);
        if (file.LinkTarget is not null)
            throw Refused(path, "a symbolic link");
        if (Directory.Exists(path))
            return new DirectoryInfo(path);
        if (!file.Exists)
            throw new VmPodException(ExitCode.NotFound, $"There is no file or folder {path}.");
        // A device, pipe or socket has neither the attribute of a folder nor that of a plain file.
        return Libc.IsRegularFile(path) ? file : throw Refused(path, "a device, pipe or socket");
    }

    private static VmPodException Refused(string path, string what) =>
        new(ExitCode.Usage, $"{path} is {what}: a session holds plain files and folders only.", "Remove it, or put the files it stands for.");
}
