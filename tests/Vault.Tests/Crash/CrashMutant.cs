using VmPod.Vault.Cells;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Tests.Crash;

using Moment = CrashWorkload.Moment;

/// <summary>A store that does one thing wrong (V-60): made from what the right one asks of the disk.</summary>
/// <param name="Name">What it does wrong.</param>
/// <param name="Change">Turns a right run into that.</param>
/// <param name="Harmless">Why no crash shows it; null for one that must be caught.</param>
internal sealed record CrashMutant(string Name, Func<IReadOnlyList<Moment>, IEnumerable<Moment>> Change, string? Harmless = null)
{
    private const string Slots = "v1/slots.bin", Log = "v1/log", Segments = "v1/segments", Segment = "v1/segments/000000.seg";

    internal static readonly IReadOnlyList<CrashMutant> All =
    [
        new("does not sync segments", Without(m => IsSync(m, Segment))),
        new("does not sync the folder of segments", Without(m => IsSync(m, Segments))),
        new("does not sync the log", Without(m => IsSync(m, Log))),
        new("does not sync the slots", Without(m => IsSync(m, Slots))),
        new("syncs nothing", Without(m => m.Operation.Kind is DiskOperationKind.Sync or DiskOperationKind.SyncFolder)),
        new("syncs the log before it writes it", Swapped(m => IsSync(m, Log), m => IsWrite(m, Log))),
        new("syncs the slots before it writes one", Swapped(m => IsSync(m, Slots), m => IsWrite(m, Slots))),
        new("writes the slot before the log", moments => Moved(moments, m => IsWrite(m, Slots), m => IsWrite(m, Log))),
        new("writes and syncs the slot before the log is synced", moments => Moved(Moved(moments, m => IsWrite(m, Slots), m => IsSync(m, Log)),
            m => IsSync(m, Slots), m => IsSync(m, Log))),
        new("writes the slot before the log is synced", moments => Moved(moments, m => IsWrite(m, Slots), m => IsSync(m, Log))),
        new("syncs segments after the log", moments => Late(moments, m => IsSync(m, Segment), m => IsSync(m, Log)),
            "The slot is written after both, and until then the head before counts. Only a slot that something else than this crash damaged would be rolled "
                + "forward (V-63) to cells that are not there yet; that is why V-60 has the other order."),
        new("syncs segments after the slot", moments => Late(moments, m => IsSync(m, Segment), m => IsSync(m, Slots))),
        new("syncs the folder of segments after the slot", moments => Late(moments, m => IsSync(m, Segments), m => IsSync(m, Slots))),
        new("writes both slots at one place", Changed(m => IsWrite(m, Slots), o => o with { Offset = 0 })),
        new("writes each slot at the other's place", Changed(m => IsWrite(m, Slots), o => o with { Offset = StoreLimits.SlotBytes - o.Offset })),
        new("writes the slot over both places", moments => moments.SelectMany(m => IsWrite(m, Slots)
            ? [m, m with { Operation = m.Operation with { Offset = StoreLimits.SlotBytes - m.Operation.Offset } }] : new[] { m })),
        new("acknowledges before the slot is synced", Early(m => IsSync(m, Slots))),
        new("acknowledges before the slot is written", Early(m => IsWrite(m, Slots))),
        new("acknowledges before the log is synced", Early(m => IsSync(m, Log))),
        new("loses every other sync of the log", EveryOther(m => IsSync(m, Log))),
        new("loses every other sync of the slots", EveryOther(m => IsSync(m, Slots))),
        new("loses every other sync of segments", EveryOther(m => IsSync(m, Segment))),
        new("counts a cell too few in the slot", Changed(m => IsWrite(m, Slots), o => Counted(o, -1))),
        new("writes the head of the log five bytes early", Changed(m => IsWrite(m, Log), o => o with { Offset = o.Offset - 5 })),
        new("writes a cell one sector late", Changed(m => IsWrite(m, Segment), o => o with { Offset = o.Offset + CrashFile.Sector })),
        new("leaves out the last sector of the slot", Changed(m => IsWrite(m, Slots), o => o with { Data = o.Data[..^CrashFile.Sector] })),
        new("blanks the slot's place before it writes it", moments => moments.SelectMany(m => IsWrite(m, Slots)
            ? [m with { Operation = m.Operation with { Data = new byte[StoreLimits.SlotBytes] } }, Sync(m, Slots), m] : new[] { m }),
            "The place that is blanked is that of the head before the last, which counts for nothing any more: at every moment the other slot leads to the "
                + "last head that was acknowledged."),
        new("does not cut off cells that were discarded", Without(m => m.Operation.Kind == DiskOperationKind.Truncate && m.Operation.Name == Segment),
            "Cells beyond the slot's count are not part of the vault (V-66): opening cuts them off, and what is appended overwrites them."),
        new("syncs the segments twice", moments => moments.SelectMany(m => IsSync(m, Segment) ? [m, m] : new[] { m }), "It is only slower."),
        new("syncs every file after each write", moments => moments.SelectMany(m => m.Operation.Kind == DiskOperationKind.Write
            ? [m, Sync(m, m.Operation.Name)] : new[] { m }), "What is durable earlier than it must be is in an order that a crash could have left as well."),
    ];

    private static bool IsSync(Moment m, string name) => m.Operation.Kind is DiskOperationKind.Sync or DiskOperationKind.SyncFolder && m.Operation.Name == name;

    private static bool IsWrite(Moment m, string name) => m.Operation.Kind == DiskOperationKind.Write && m.Operation.Name == name;

    private static Moment Sync(Moment at, string name) => at with { Operation = new DiskOperation(DiskOperationKind.Sync, name) };

    private static Func<IReadOnlyList<Moment>, IEnumerable<Moment>> Without(Func<Moment, bool> which) => moments => moments.Where(m => !which(m));

    private static Func<IReadOnlyList<Moment>, IEnumerable<Moment>> Changed(Func<Moment, bool> which, Func<DiskOperation, DiskOperation> change) =>
        moments => moments.Select(m => which(m) ? m with { Operation = change(m.Operation) } : m);

    private static Func<IReadOnlyList<Moment>, IEnumerable<Moment>> EveryOther(Func<Moment, bool> which)
    {
        return moments =>
        {
            int count = 0;
            return [.. moments.Where(m => !which(m) || count++ % 2 == 1)];
        };
    }

    private static Func<IReadOnlyList<Moment>, IEnumerable<Moment>> Swapped(Func<Moment, bool> later, Func<Moment, bool> earlier) =>
        moments => Moved(moments, later, earlier);

    // Each call of the first kind goes to just before the last call of the second kind that came before it.
    private static List<Moment> Moved(IEnumerable<Moment> moments, Func<Moment, bool> later, Func<Moment, bool> earlier)
    {
        var result = new List<Moment>();
        foreach (Moment m in moments)
        {
            int place = later(m) ? result.FindLastIndex(e => earlier(e)) : -1;
            // Not over another of its own kind: that one belongs to the commit before.
            if (place >= 0 && result.FindLastIndex(e => later(e)) < place)
                result.Insert(place, m with { Acknowledged = result[place].Acknowledged });
            else
                result.Add(m);
        }
        return result;
    }

    // Each call of the first kind waits until behind the next call of the second kind.
    private static List<Moment> Late(IEnumerable<Moment> moments, Func<Moment, bool> which, Func<Moment, bool> until)
    {
        var result = new List<Moment>();
        var waiting = new List<Moment>();
        foreach (Moment m in moments)
        {
            if (which(m))
            {
                waiting.Add(m);
                continue;
            }
            result.Add(m);
            if (!until(m))
                continue;
            result.AddRange(waiting.Select(w => w with { Acknowledged = m.Acknowledged }));
            waiting.Clear();
        }
        result.AddRange(waiting);
        return result;
    }

    // What a commit acknowledges is acknowledged before this call of it.
    private static Func<IReadOnlyList<Moment>, IEnumerable<Moment>> Early(Func<Moment, bool> from) => moments =>
    {
        var result = new List<Moment>(moments);
        for (int i = 0; i < result.Count; i++)
        {
            if (!from(result[i]))
                continue;
            int end = result.FindIndex(i, m => IsSync(m, Slots));
            for (int k = i; k <= end; k++)
                result[k] = result[k] with { Acknowledged = moments[i].Acknowledged + 1 };
        }
        return result;
    };

    private static DiskOperation Counted(DiskOperation write, int by)
    {
        int place = (int)(write.Offset / StoreLimits.SlotBytes);
        return SlotRecord.TryParse(write.Data.Span, place, out SlotRecord? slot) && slot!.Cells > 1
            ? write with { Data = (slot with { Cells = slot.Cells + by }).Encode() } : write;
    }
}
