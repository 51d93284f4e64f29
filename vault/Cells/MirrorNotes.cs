using System.Globalization;
using System.Text;

namespace VmPod.Vault.Cells;

/// <summary>
/// v1/mirror: what a mirror knows by itself, on its own clock: of which vault it is, when each piece of the log came, how long it waits with what was
/// forgotten, and whether an alarm lasts. Not signed, not sent.
/// </summary>
/// <param name="VaultId">The vault.</param>
public sealed record MirrorNotes(UInt128 VaultId)
{
    /// <summary>Pieces of the log that are told apart; beyond it neighbours are joined, as if both had come with the later one.</summary>
    public const int ArrivalsMax = 1024;

    /// <summary>How long a mirror waits with what its owner forgot, where nothing else was said (V-160).</summary>
    public static readonly TimeSpan UsualDelay = TimeSpan.FromDays(7);

    private const string Magic = "vmpod-mirror-1";

    // A line of 42 characters for each arrival.
    private const int BytesMax = 64 * 1024;

    /// <summary>How long it waits.</summary>
    public TimeSpan Delay { get; init; } = UsualDelay;

    /// <summary>When an older or another state of the pod was shown to it; 0 for never, or when its owner said that all is well.</summary>
    public long AlarmMs { get; init; }

    /// <summary>When the log came up to where, both ascending.</summary>
    public IReadOnlyList<(long LogBytes, long TimeMs)> Arrivals { get; init; } = [];

    /// <summary>The notes with one more arrival.</summary>
    public MirrorNotes With(long logBytes, long timeMs)
    {
        if (Arrivals.Count > 0 && Arrivals[^1].LogBytes >= logBytes)
            return this;
        List<(long LogBytes, long TimeMs)> all = [.. Arrivals];
        // A clock that was set back makes things younger, never older.
        all.Add((logBytes, Math.Max(timeMs, all.Count > 0 ? all[^1].TimeMs : 0)));
        if (all.Count > ArrivalsMax)
            all.RemoveAt(0);
        return this with { Arrivals = all };
    }

    /// <summary>What came up to here came at least so long ago as the mirror waits: entries of the log before this offset may be acted upon.</summary>
    public long OldEnough(long nowMs) => Arrivals.Where(a => a.TimeMs <= nowMs - (long)Delay.TotalMilliseconds).Select(a => a.LogBytes).DefaultIfEmpty(0).Max();

    /// <summary>Reads those of a folder; null if there are none.</summary>
    public static MirrorNotes? TryRead(string folder) => TryRead(new StoreDisk(folder, null));

    /// <summary>Makes them those of the folder, durably.</summary>
    public void Write(string folder) => Write(new StoreDisk(folder, null));

    /// <summary>Takes them away: the folder is a mirror no more.</summary>
    public static void Remove(string folder)
    {
        var disk = new StoreDisk(folder, null);
        disk.Delete(StoreNames.Mirror);
        disk.SyncFolder(StoreNames.Version);
    }

    internal static MirrorNotes? TryRead(StoreDisk disk) => disk.ReadSmall(StoreNames.Mirror, BytesMax) is { } text ? TryParse(text) : null;

    internal static MirrorNotes? TryParse(ReadOnlySpan<byte> text)
    {
        string[] lines = Encoding.ASCII.GetString(text).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string[] first = lines.Length > 0 ? lines[0].Split(' ') : [];
        if (text.Length > BytesMax || first.Length != 4 || first[0] != Magic
            || !UInt128.TryParse(first[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out UInt128 vault)
            || !TryNumber(first[2], out long delay) || delay > TimeSpan.MaxValue.TotalMilliseconds || !TryNumber(first[3], out long alarm))
            return null;
        var arrivals = new List<(long LogBytes, long TimeMs)>();
        foreach (string line in lines.Skip(1))
        {
            string[] parts = line.Split(' ');
            if (parts.Length != 2 || !TryNumber(parts[0], out long bytes) || !TryNumber(parts[1], out long time)
                || (arrivals.Count > 0 && (arrivals[^1].LogBytes >= bytes || arrivals[^1].TimeMs > time)))
                return null;
            arrivals.Add((bytes, time));
        }
        return new MirrorNotes(vault) { Delay = TimeSpan.FromMilliseconds(delay), AlarmMs = alarm, Arrivals = arrivals };
    }

    internal void Write(StoreDisk disk)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Magic} {VaultId:x32} {(long)Delay.TotalMilliseconds} {AlarmMs}\n");
        foreach ((long bytes, long time) in Arrivals)
            text.Append(CultureInfo.InvariantCulture, $"{bytes} {time}\n");
        string draft = StoreNames.Mirror + ".new";
        using (var file = disk.OpenOrCreate(draft, out _))
        {
            disk.Truncate(file, draft, 0);
            disk.Write(file, draft, Encoding.ASCII.GetBytes(text.ToString()), 0);
            disk.Sync(file, draft);
        }
        disk.Rename(draft, StoreNames.Mirror);
        disk.SyncFolder(StoreNames.Version);
    }

    private static bool TryNumber(string text, out long value) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
