using Microsoft.Win32.SafeHandles;
using VmPod.Vault.Cells;
using VmPod.Vault.Codecs;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.Vault.Snapshots;

/// <summary>Pages of the files that a get has written whole: a page of memory that stands on the disk is copied from there, not decoded once more.</summary>
internal sealed class RestoredPages(SessionReader session) : IPageShortcut, IDisposable
{
    // Disks and memories; small files are never named.
    private const int FilesMax = 64;

    private readonly Dictionary<uint, SafeFileHandle> files = [];

    /// <summary>Keeps a second handle on a file that is written whole, if it is one whose pages are named.</summary>
    public void Add(StreamInfo stream, string path)
    {
        if (!stream.IsSmall && files.Count < FilesMax)
            files.Add(stream.Number, File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
    }

    /// <inheritdoc/>
    public bool TryRead(in PageTarget target, int page, Span<byte> into)
    {
        // The file has what its chunk is now: the target must be that, and the page must be its own.
        if (!files.TryGetValue(target.Key.Stream, out SafeFileHandle? file) || !session.State.Map.TryFind(target.Key, out PayloadRef place)
            || !place.IsSameBirth(target.Place) || !OldVersion.Of(target.Key, place).TryPlain(page, out (PageTarget Target, int Page) plain)
            || !plain.Target.IsSame(target))
            return false;
        return RandomAccess.Read(file, into, (long)target.Key.Chunk * FormatLimits.ChunkBytes + page * FormatLimits.PageBytes) == into.Length;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (SafeFileHandle file in files.Values)
            file.Dispose();
    }
}
