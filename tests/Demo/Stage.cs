using System.Diagnostics;
using System.Security.Cryptography;
using VmPod.Testing;

namespace VmPod.Demo;

/// <summary>Everything that the demo sets up on this machine, and takes down again whatever happens: folders, mounts, namespaces, processes.</summary>
internal abstract class Stage(bool keep) : IAsyncDisposable
{
    private readonly Stopwatch watch = Stopwatch.StartNew();
    private readonly Stack<Func<ValueTask>> undo = new();
    private readonly TempFolder onDisk = new(), inRam = new(inRam: true);

    /// <summary>A folder on the disk: the pod, what hosts keep.</summary>
    public TempFolder OnDisk => onDisk;

    /// <summary>A folder in RAM: the passphrase and the run folders.</summary>
    public TempFolder InRam => inRam;

    /// <summary>The passphrase's file.</summary>
    public string PinFile => inRam["pin"];

    /// <summary>Places where the hosts could have kept something, beside those of every machine; they are folders.</summary>
    public abstract IReadOnlyList<string> OwnPlaces { get; }

    /// <summary>Files that hold all that the pod is, as a thief of its disk would have it.</summary>
    public abstract IReadOnlyList<string> PodFiles { get; }

    /// <summary>Files and folders of the demo itself, which no search for residue looks at.</summary>
    public abstract IReadOnlyList<string> NotSearched { get; }

    /// <summary>A line of progress.</summary>
    public void Say(string what) => Console.Error.WriteLine($"[{watch.Elapsed.TotalSeconds,5:0.0} s] {what}");

    /// <summary>Draws a passphrase into its file.</summary>
    protected async Task DrawPassphraseAsync(CancellationToken cancel) =>
        await WriteOwnerOnlyAsync(PinFile, System.Text.Encoding.ASCII.GetBytes(RandomNumberGenerator.GetHexString(40)), cancel);

    /// <summary>Writes a file that nobody else may read.</summary>
    protected static async Task WriteOwnerOnlyAsync(string path, byte[] content, CancellationToken cancel)
    {
        await using FileStream file = new(path, new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        await file.WriteAsync(content, cancel);
    }

    /// <summary>What takes the last step back; the last one goes first.</summary>
    protected void Undo(Func<ValueTask> step) => undo.Push(step);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        while (undo.TryPop(out Func<ValueTask>? step))
        {
            try
            {
                await step();
            }
            catch (Exception e) when (e is InvalidOperationException or TimeoutException or IOException)
            {
                // The rest is cleaned up all the same.
                Console.Error.WriteLine($"demo: not cleaned up: {e.Message}");
            }
        }
        inRam.Dispose();
        if (keep)
            Console.Error.WriteLine($"demo: the pod is in {onDisk}; its passphrase is gone with the demo, so it can only be looked at from outside");
        else
            onDisk.Dispose();
    }
}
