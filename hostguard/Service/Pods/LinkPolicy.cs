using System.Text.Json;
using VmPod.Foundation;
using VmPod.HostGuard.Control;
using VmPod.Sync.Wire;

namespace VmPod.HostGuard.Pods;

/// <summary>How this host uses its networks; kept until it is changed, and looked at whenever a link begins.</summary>
public sealed record LinkPolicy
{
    /// <summary>The most that may be asked for, Mbit/s: a limit above what any link gives is a slip of the finger.</summary>
    public const int MbitMax = 100_000;

    private const string FileName = "link.json";
    private const int BytesPerMbit = 1_000_000 / 8;

    /// <summary>The least, Mbit/s.</summary>
    public const int MbitMin = (int)(WireLimits.BulkRateMin / BytesPerMbit);

    /// <summary>What this host sends to a pod at most, Mbit/s; null for as fast as it goes.</summary>
    public int? SendMbit { get; init; }

    /// <summary>Interfaces that cost money by the byte: nothing begins by itself over these.</summary>
    public IReadOnlyList<string> Metered { get; init; } = [];

    /// <summary><see cref="SendMbit"/> in bytes a second.</summary>
    internal long? BytesPerSecond => SendMbit is { } mbit ? (long)mbit * BytesPerMbit : null;

    /// <summary>Reads it.</summary>
    /// <exception cref="VmPodException">It is there and cannot be read (5).</exception>
    internal static LinkPolicy Load()
    {
        string path = PathOf();
        if (!File.Exists(path))
            return new LinkPolicy();
        try
        {
            LinkPolicy? read = JsonSerializer.Deserialize(File.ReadAllBytes(path), HostGuardJson.Default.LinkPolicy);
            if (read is { SendMbit: null or (>= MbitMin and <= MbitMax), Metered: not null })
                return read;
        }
        catch (JsonException)
        {
            // As what says nothing that is allowed.
        }
        throw new VmPodException(ExitCode.Damaged, $"{path} cannot be read.", "Remove the file, and say it again: hostguard link --help");
    }

    /// <summary>Keeps it, whole or not at all.</summary>
    internal void Save() => PrivateFile.Replace(PathOf(), JsonSerializer.SerializeToUtf8Bytes(this, HostGuardJson.Default.LinkPolicy));

    private static string PathOf() => Path.Combine(HostFolder.Root(), FileName);
}
