namespace VmPod.Testing;

/// <summary>A pod on a file system of its own, as a plugged-in disk is: an ext4 image that can be mounted, and taken away under its
/// users. Needs root.</summary>
/// <remarks>The image is mounted below a shared mount, as the root of a usual system is one, so that plugging in and out is seen in the mount
/// namespaces of programs that run already.</remarks>
public sealed class PodDisk : IAsyncDisposable
{
    private const string Inner = "pod";
    private readonly string parent;
    private bool isPlugged, isFrozen;

    private PodDisk(string image, string parent)
    {
        Image = image;
        this.parent = parent;
    }

    /// <summary>The image: all that the pod is, as a thief would have it.</summary>
    public string Image { get; }

    /// <summary>Where it is mounted; the pod's folder.</summary>
    public string Folder => Path.Join(parent, Inner, "vault");

    private string MountPoint => Path.Join(parent, Inner);

    /// <summary>Makes the image in a folder, and plugs it in.</summary>
    public static async Task<PodDisk> CreateAsync(string folder, long bytes)
    {
        string image = Path.Join(folder, "pod.img");
        await using (FileStream file = File.Create(image))
            file.SetLength(bytes);
        await RunAsync("mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", "-E", "lazy_itable_init=1,nodiscard", image);
        string parent = Directory.CreateDirectory(Path.Join(folder, "plug")).FullName;
        await RunAsync("mount", "--bind", parent, parent);
        var disk = new PodDisk(image, parent);
        try
        {
            await RunAsync("mount", "--make-private", parent);
            await RunAsync("mount", "--make-shared", parent);
            Directory.CreateDirectory(disk.MountPoint);
            await disk.PlugInAsync();
            Directory.CreateDirectory(disk.Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            return disk;
        }
        catch
        {
            await disk.DisposeAsync();
            throw;
        }
    }

    /// <summary>Plugs it in.</summary>
    public async Task PlugInAsync()
    {
        await RunAsync("mount", "-o", "loop,noatime", Image, MountPoint);
        isPlugged = true;
    }

    /// <summary>Takes it away, whoever uses it.</summary>
    public async Task TakeAwayAsync()
    {
        await RunAsync("umount", "--lazy", MountPoint);
        isPlugged = false;
    }

    /// <summary>It stands still: whoever writes to it waits, and cannot even be killed.</summary>
    public async Task FreezeAsync()
    {
        await RunAsync("fsfreeze", "--freeze", MountPoint);
        isFrozen = true;
    }

    /// <summary>It goes on, if it stands still.</summary>
    public async Task ThawAsync()
    {
        if (!isFrozen)
            return;
        await RunAsync("fsfreeze", "--unfreeze", MountPoint);
        isFrozen = false;
    }

    /// <summary>Waits until nobody holds the file system any more and its loop device is free.</summary>
    /// <exception cref="TimeoutException">Somebody still holds it.</exception>
    public async Task WaitUntilReleasedAsync(TimeSpan limit, CancellationToken cancellation = default)
    {
        long started = System.Diagnostics.Stopwatch.GetTimestamp();
        while (await RunAsync("losetup", "--noheadings", "--associated", Image) is { Length: > 0 } devices)
        {
            if (System.Diagnostics.Stopwatch.GetElapsedTime(started) > limit)
                throw new TimeoutException($"The pod's file system is still held: {devices.Trim()}");
            await Task.Delay(50, cancellation);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await ThawAsync();
        if (isPlugged)
            await RunAsync("umount", "--lazy", MountPoint);
        isPlugged = false;
        await RunAsync("umount", "--lazy", parent);
    }

    // Quick, and not to be cut off half way: no cancellation.
    private static async Task<string> RunAsync(string program, params string[] arguments) =>
        (await new CliRunner(SystemTools.Find(program)).RunAsync(arguments)).MustSucceed().Output;
}
