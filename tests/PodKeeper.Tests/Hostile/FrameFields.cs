using System.Buffers.Binary;
using System.Globalization;
using VmPod.Sync.Wire;

namespace VmPod.PodKeeper.Tests.Hostile;

/// <summary>Where the fields of a frame stand, as sync/SPEC.md lays them out: what an attack changes one by one.</summary>
internal static class FrameFields
{
    // The record of a commit (vault/SPEC.md, V-32); m is the list of its manifest's cells.
    private const string Record = "4 16 16 8 8 8 1 8 8 32 8 8 8 m 4 4 4 32 4 32 8 32";

    // A number is a field of so many bytes; t is a counted text or blob; r a counted record; what follows * comes again until the body ends.
    private static readonly Dictionary<(WireType Type, WireRole From), string> Layouts = new()
    {
        [(WireType.Hello, WireRole.Host)] = "4 2 2 1 16 8 t",
        [(WireType.Hello, WireRole.Pod)] = "4 2 2 1 16 4 1 8 8 32 32",
        [(WireType.Beat, WireRole.Host)] = "4 8 8",
        [(WireType.Beat, WireRole.Pod)] = "4 8 1 1 8",
        [(WireType.Error, WireRole.Pod)] = "1 t t",
        [(WireType.Find, WireRole.Host)] = "t",
        [(WireType.Session, WireRole.Pod)] = "16 1 8 r 4 * 8 8 1 8",
        [(WireType.OpenLease, WireRole.Host)] = "t 1 1 8 32",
        [(WireType.Lease, WireRole.Pod)] = "16 8 8 8 8 32 8 8 4 1 * 32 8 r 64 t",
        [(WireType.Attach, WireRole.Host)] = "16 8 8",
        [(WireType.Attached, WireRole.Pod)] = "8 32 8 4 1",
        [(WireType.Sessions, WireRole.Pod)] = "4 * 16 t 1 8 8 8",
        [(WireType.HomeKey, WireRole.Pod)] = "32",
        [(WireType.GetLeaseKeys, WireRole.Host)] = "16",
        [(WireType.LeaseKeys, WireRole.Pod)] = "2 * 8 64",
        [(WireType.GetForks, WireRole.Host)] = "16",
        [(WireType.Forks, WireRole.Pod)] = "2 * 8 8 1 1 1 t",
        [(WireType.GetCells, WireRole.Host)] = "1 1 2 * 32",
        [(WireType.Cell, WireRole.Pod)] = "2 1 32 4 1 1 2 8 16 * 4096",
        [(WireType.PutCell, WireRole.Host)] = "4 1 1 2 8 16 * 4096",
        [(WireType.Flush, WireRole.Host)] = "8",
        [(WireType.Flushed, WireRole.Pod)] = "8",
        [(WireType.Have, WireRole.Host)] = "2 * 32",
        [(WireType.HaveReply, WireRole.Pod)] = "2 * 1",
        [(WireType.Commit, WireRole.Host)] = "1 r 64 4 4",
        [(WireType.Ids, WireRole.Host)] = "1 4 * 32",
        [(WireType.Committed, WireRole.Pod)] = "32 8 8 32",
        [(WireType.Renewed, WireRole.Pod)] = "4",
        [(WireType.Log, WireRole.Host)] = "2 1 * t 8",
        [(WireType.Receipt, WireRole.Host)] = "t 64",
    };

    /// <summary>The fields of a whole frame, its header's first.</summary>
    internal static IReadOnlyList<(int At, int Length)> Of(ReadOnlySpan<byte> frame, WireRole from)
    {
        var fields = new List<(int At, int Length)> { (0, 4), (4, 1), (5, 4) };
        string layout = Layouts.GetValueOrDefault(((WireType)frame[4], from), "");
        int at = WireLimits.HeaderBytes;
        Walk(frame, layout.Split('*', StringSplitOptions.TrimEntries), ref at, fields);
        return fields;
    }

    private static void Walk(ReadOnlySpan<byte> frame, string[] parts, ref int at, List<(int, int)> fields)
    {
        foreach (string token in parts[0].Split(' ', StringSplitOptions.RemoveEmptyEntries))
            Take(frame, token, ref at, fields);
        while (parts.Length > 1 && at < frame.Length)
        {
            foreach (string token in parts[1].Split(' ', StringSplitOptions.RemoveEmptyEntries))
                Take(frame, token, ref at, fields);
        }
    }

    private static void Take(ReadOnlySpan<byte> frame, string token, ref int at, List<(int, int)> fields)
    {
        if (at >= frame.Length)
            return;
        if (int.TryParse(token, CultureInfo.InvariantCulture, out int width))
        {
            Add(frame, width, ref at, fields);
            return;
        }
        // A change before this one may have left half of a count.
        if (frame.Length - at < 2)
        {
            Add(frame, 1, ref at, fields);
            return;
        }
        int count = BinaryPrimitives.ReadUInt16BigEndian(frame[at..]);
        Add(frame, 2, ref at, fields);
        if (token == "t")
            Add(frame, count, ref at, fields);
        for (int i = 0; token == "m" && i < count; i++)
            Add(frame, 32, ref at, fields);
        if (token == "r" && count > 0)
            Walk(frame[..Math.Min(at + count, frame.Length)], [Record], ref at, fields);
    }

    private static void Add(ReadOnlySpan<byte> frame, int length, ref int at, List<(int, int)> fields)
    {
        length = Math.Min(length, frame.Length - at);
        if (length > 0)
            fields.Add((at, length));
        at += length;
    }
}
