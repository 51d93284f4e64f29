using VmPod.Foundation;
using VmPod.Sync;
using VmPod.Vault;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.PodKeeper.Tests.Simulation;

/// <summary>
/// A copy of the pod without keys, as a mirror will keep one: in rounds, each of which takes a head and works until all of it is here. Cells first, by
/// <see cref="SyncPlan"/>, each proved by its id; then the log; the slots last.
/// </summary>
internal sealed class SimMirror(string folder, SimClock clock, Planted planted)
{
    private const string Log = "v1/log", Slots = "v1/slots.bin", Descriptor = "vault.json", Lock = "v1/lock";
    private static readonly string[] FreeMaps = ["v1/freed.0", "v1/freed.1"];

    // Where each cell stands on the pod, and so here. Positions are never used twice once they are committed.
    private readonly List<CellId?> onPod = [];
    private readonly HashSet<int> here = [];
    private Round? round;

    /// <summary>The newest head that is here whole; 0 for none.</summary>
    internal ulong Head { get; private set; }

    private sealed record Round(ulong Seq, byte[] Slots, long LogBytes, int Cells, (string Name, byte[] Bytes)[] Maps, CellId[] Wanted,
        Dictionary<CellId, List<int>> Places);

    /// <summary>Copies a little of what is missing here.</summary>
    /// <returns>Whether a round ended with it.</returns>
    internal bool Step(SimPod pod, int cellsMax)
    {
        round ??= Begin(pod);
        if (planted == Planted.MirrorTakesHeadFirst)
            TakeHead(pod, round);
        // One that was freed and came again stands elsewhere on the pod, whose map of what was freed this copy takes over: it is here once it stands there.
        CellId[] whole = [.. round.Wanted.Where(id => round.Places[id].TrueForAll(here.Contains))];
        SyncPlan plan = SyncPlan.Make(round.Wanted, whole, id => (uint)round.Places[id][0], cellsMax);
        byte[] cell = new byte[SimTemplate.CellBytes];
        int left = planted == Planted.MirrorMissesACell ? 1 : 0;
        foreach (CellId id in plan.Cells.Take(plan.Cells.Count - left))
        {
            if (!pod.Store.TryRead(id, cell))
            {
                // Freed meanwhile: what was begun is of no use any more.
                round = null;
                return false;
            }
            foreach (int position in round.Places[id])
            {
                WriteCell(position, cell);
                here.Add(position);
            }
        }
        if (!plan.IsAll)
            return false;
        TakeHead(pod, round);
        round = null;
        return true;
    }

    /// <summary>What is here is whole, by itself and without keys.</summary>
    internal void Check()
    {
        if (Head == 0)
            return;
        using PodVault copy = PodVault.Open(folder, StoreAccess.Read, clock);
        VerifyReport report = copy.Verify(null, CancellationToken.None);
        if (!report.IsComplete || copy.Store.Head.Seq != Head)
        {
            throw new SimViolationException(
                $"the mirror has head {copy.Store.Head.Seq} of {Head}, {report.MissingCount} cells missing, log {report.LogDamage ?? "sound"}");
        }
    }

    /// <summary>Every byte that counts is the pod's.</summary>
    internal void MustEqual(SimPod pod)
    {
        if (Head != pod.Store.Head.Seq)
            throw new SimViolationException($"the mirror has head {Head}, the pod {pod.Store.Head.Seq}");
        foreach (string name in (string[])[Slots, Descriptor])
            MustEqual(name, File.ReadAllBytes(Path.Combine(pod.Folder, name)), File.ReadAllBytes(Path.Combine(folder, name)));
        MustEqual(Log, Bytes(pod.Folder, Log, pod.Store.LogBytes), Bytes(folder, Log, pod.Store.LogBytes));
        long cells = Committed(pod);
        byte[] theirs = new byte[SimTemplate.CellBytes], ours = new byte[SimTemplate.CellBytes];
        for (int position = 0; position < cells; position++)
        {
            ReadCell(pod.Folder, position, theirs);
            ReadCell(folder, position, ours);
            // What the pod freed counts no more: it may stand here still, or there, until the hole is made.
            if (pod.Store.IsKnown(CellId.Of(theirs)))
                MustEqual($"cell {position}", theirs, ours);
        }
    }

    private Round Begin(SimPod pod)
    {
        int cells = (int)Committed(pod);
        byte[] cell = new byte[SimTemplate.CellBytes];
        for (int position = 0; position < cells; position++)
        {
            if (position == onPod.Count)
                onPod.Add(ReadCell(pod.Folder, position, cell) && cell.AsSpan().ContainsAnyExcept((byte)0) ? CellId.Of(cell) : null);
        }
        var places = new Dictionary<CellId, List<int>>();
        for (int position = 0; position < cells; position++)
        {
            if (onPod[position] is not { } id || !pod.Store.IsKnown(id))
                continue;
            if (!places.TryGetValue(id, out List<int>? at))
                places[id] = at = [];
            at.Add(position);
        }
        return new Round(pod.Store.Head.Seq, File.ReadAllBytes(Path.Combine(pod.Folder, Slots)), pod.Store.LogBytes, cells,
            [.. FreeMaps.Where(m => File.Exists(Path.Combine(pod.Folder, m))).Select(m => (m, File.ReadAllBytes(Path.Combine(pod.Folder, m))))],
            [.. places.Keys.Order()], places);
    }

    private void TakeHead(SimPod pod, Round of)
    {
        Directory.CreateDirectory(Path.Combine(folder, "v1", "segments"));
        File.WriteAllBytes(Path.Combine(folder, Log), Bytes(pod.Folder, Log, of.LogBytes));
        foreach ((string name, byte[] bytes) in of.Maps)
            File.WriteAllBytes(Path.Combine(folder, name), bytes);
        File.WriteAllBytes(Path.Combine(folder, Slots), of.Slots);
        File.WriteAllBytes(Path.Combine(folder, Lock), []);
        File.Copy(Path.Combine(pod.Folder, Descriptor), Path.Combine(folder, Descriptor), overwrite: true);
        Head = of.Seq;
    }

    // The newest slot says how many cells are committed.
    private static long Committed(SimPod pod)
    {
        byte[] slots = File.ReadAllBytes(Path.Combine(pod.Folder, Slots));
        long cells = 0;
        ulong seq = 0;
        for (int place = 0; place < 2; place++)
        {
            if (SlotRecord.TryParse(slots.AsSpan(place * StoreLimits.SlotBytes, StoreLimits.SlotBytes), place, out SlotRecord? slot) && slot!.Seq > seq)
                (seq, cells) = (slot.Seq, slot.Cells);
        }
        return cells;
    }

    private static byte[] Bytes(string folder, string name, long count)
    {
        using FileStream file = File.OpenRead(Path.Combine(folder, name));
        byte[] bytes = new byte[count];
        file.ReadExactly(bytes);
        return bytes;
    }

    private static string PathOf(string folder, int position) =>
        Path.Combine(folder, "v1", "segments", $"{position / StoreLimits.SegmentCells:D6}.seg");

    private static bool ReadCell(string folder, int position, byte[] cell)
    {
        using FileStream file = File.OpenRead(PathOf(folder, position));
        file.Position = position % StoreLimits.SegmentCells * (long)cell.Length;
        return file.ReadAtLeast(cell, cell.Length, throwOnEndOfStream: false) == cell.Length;
    }

    private void WriteCell(int position, byte[] cell)
    {
        Directory.CreateDirectory(Path.Combine(folder, "v1", "segments"));
        using FileStream file = File.Open(PathOf(folder, position), FileMode.OpenOrCreate);
        file.Position = position % StoreLimits.SegmentCells * (long)cell.Length;
        file.Write(cell);
    }

    private static void MustEqual(string what, ReadOnlySpan<byte> theirs, ReadOnlySpan<byte> ours)
    {
        if (!theirs.SequenceEqual(ours))
            throw new SimViolationException($"{what} of the mirror is not the pod's");
    }
}
