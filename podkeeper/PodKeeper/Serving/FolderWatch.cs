using VmPod.Foundation;
using VmPod.Vault.Cells;

namespace VmPod.PodKeeper.Serving;

/// <summary>
/// Looks whether the folder of a served pod is still there. Open files do not tell: they outlive a folder that was moved, and a disk that was unmounted
/// lazily, and what is written then nobody finds.
/// </summary>
public sealed class FolderWatch : IDisposable
{
    private readonly string folder;
    private readonly UInt128 vaultId;
    private readonly (ulong Device, ulong Inode)? identity;
    private readonly Action gone;
    private readonly Thread watching;
    private readonly ManualResetEventSlim stopping = new();

    private FolderWatch(string folder, UInt128 vaultId, Action gone)
    {
        this.folder = folder;
        this.vaultId = vaultId;
        this.gone = gone;
        identity = Libc.FileIdentity(folder);
        watching = new Thread(Watch) { IsBackground = true, Name = "pod folder" };
    }

    /// <summary>True once it was gone; it stays so.</summary>
    public bool IsGone { get; private set; }

    /// <summary>Begins to look.</summary>
    /// <param name="folder">The pod's folder.</param>
    /// <param name="vaultId">The vault that is served from it.</param>
    /// <param name="gone">Told once, from a thread of the watch's own.</param>
    public static FolderWatch Start(string folder, UInt128 vaultId, Action gone)
    {
        var watch = new FolderWatch(folder, vaultId, gone);
        watch.watching.Start();
        return watch;
    }

    /// <summary>Looks no more.</summary>
    public void Dispose()
    {
        stopping.Set();
        if (watching != Thread.CurrentThread)
            watching.Join();
        stopping.Dispose();
    }

    private void Watch()
    {
        while (!stopping.Wait(PodLimits.FolderWatch))
        {
            if (IsThere())
                continue;
            IsGone = true;
            gone();
            return;
        }
    }

    private bool IsThere()
    {
        try
        {
            return Libc.FileIdentity(folder) == identity && CellStore.ReadDescriptor(folder).VaultId == vaultId;
        }
        catch (Exception e) when (e is VmPodException or IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
