using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using VmPod.Vault.Cells;

namespace VmPod.PodKeeper.Tests.Simulation;

/// <summary>
/// The disk under a store: it sees every call that changes a file before it is made, remembers what is not synced and what stood there before, and can
/// say what a power cut leaves.
/// </summary>
/// <remarks>
/// The model is that of Vault.Tests/Crash: what was synced is there; of what was not, any subset of sectors; a name is durable once its folder was synced.
/// There the durable bytes are kept and written out; here the files themselves are as programs see them, and a cut undoes what was not synced, so that a
/// call costs what it writes. Files that the store does not write (log of the pod's acts, keys of home hosts) are taken to be durable.
/// </remarks>
internal sealed class SimDisk(string root, Planted planted)
{
    private const string Segments = "v1/segments", Log = "v1/log", Slots = "v1/slots.bin", Index = "v1/index";

    private readonly Dictionary<string, List<SimWrite>> pending = [];
    private readonly List<SimName> names = [];
    private readonly List<string> late = [];
    private int? cutIn;

    /// <summary>True once nothing matters any more.</summary>
    internal bool IsOver { get; private set; }

    /// <summary>True once the power went: every further call fails.</summary>
    internal bool IsCut { get; private set; }

    /// <summary>Syncs do nothing for a while (a planted fault).</summary>
    internal bool LosesSyncs { get; set; }

    /// <summary>The power goes at the call after so many more; those of the index, which is a cache, do not count.</summary>
    internal void CutAfter(int calls) => cutIn = calls;

    /// <summary>It does not go after all.</summary>
    internal void Spare() => cutIn = null;

    /// <summary>Nothing that comes now matters: who had the files open may put them away.</summary>
    internal void End() => IsOver = true;

    /// <summary>Told by the store before each call.</summary>
    internal void Observe(DiskOperation operation)
    {
        if (IsOver)
            return;
        if (IsCut)
            throw new PowerCutException();
        bool isLast = cutIn is { } left && !operation.Name.StartsWith(Index, StringComparison.Ordinal) && (cutIn = left - 1) < 0;
        if (isLast)
        {
            // A write that the cut falls into may be there in parts. Anything else did not begin.
            if (operation.Kind is DiskOperationKind.Write or DiskOperationKind.Truncate or DiskOperationKind.Punch)
                Record(operation);
            IsCut = true;
            throw new PowerCutException();
        }
        Record(operation);
    }

    /// <summary>What was to be synced before the pod answered is synced now (a planted fault).</summary>
    internal void Settle()
    {
        foreach (string name in late)
            pending.Remove(name);
        late.Clear();
    }

    /// <summary>Writes to another folder what a power cut leaves; of a process that is killed all stays.</summary>
    internal void CutTo(string folder, SimRandom random, bool keepsAll)
    {
        var files = Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Select(p => Path.GetRelativePath(root, p)).Order(StringComparer.Ordinal)
            .ToDictionary(name => name, name => keepsAll || !pending.ContainsKey(name) ? null : Left(name, random));
        var lost = new Dictionary<string, byte[]>();
        for (int i = names.Count - 1; i >= 0 && !keepsAll; i--)
        {
            if (random.PerMille(500))
                continue;
            SimName change = names[i];
            switch (change.Operation.Kind)
            {
                case DiskOperationKind.Create:
                    files.Remove(change.Operation.Name);
                    lost.Remove(change.Operation.Name);
                    break;
                case DiskOperationKind.Delete when change.Lost is { } content:
                    lost[change.Operation.Name] = content;
                    break;
                case DiskOperationKind.Rename:
                    string target = change.Operation.Target!;
                    if (files.Remove(target, out byte[]? bytes))
                        lost[change.Operation.Name] = bytes ?? File.ReadAllBytes(Path.Combine(root, target));
                    if (change.Lost is { } before)
                        lost[target] = before;
                    break;
                default:
                    break;
            }
        }
        foreach (string sub in Directory.EnumerateDirectories(root, "*", SearchOption.AllDirectories))
            Directory.CreateDirectory(Path.Combine(folder, Path.GetRelativePath(root, sub)));
        foreach ((string name, byte[]? bytes) in files)
        {
            if (bytes is null)
                Copy(Path.Combine(root, name), Path.Combine(folder, name));
            else
                File.WriteAllBytes(Path.Combine(folder, name), bytes);
        }
        foreach ((string name, byte[] bytes) in lost)
            File.WriteAllBytes(Path.Combine(folder, name), bytes);
    }

    private void Record(DiskOperation operation)
    {
        switch (operation.Kind)
        {
            case DiskOperationKind.Write or DiskOperationKind.Truncate or DiskOperationKind.Punch:
                Of(operation.Name).Add(SimWrite.Of(Path.Combine(root, operation.Name), operation));
                if (operation.Kind == DiskOperationKind.Punch && planted == Planted.HoleTooLarge)
                    PunchMore(operation);
                break;
            case DiskOperationKind.Create:
                pending[operation.Name] = [];
                names.Add(new SimName(operation, null));
                break;
            case DiskOperationKind.Delete:
                names.Add(new SimName(operation, ContentOf(operation.Name)));
                pending.Remove(operation.Name);
                break;
            case DiskOperationKind.Rename:
                names.Add(new SimName(operation, ContentOf(operation.Target!)));
                pending.Remove(operation.Target!);
                if (pending.Remove(operation.Name, out List<SimWrite>? moved))
                    pending[operation.Target!] = moved;
                break;
            case DiskOperationKind.Sync:
                Sync(operation.Name);
                break;
            case DiskOperationKind.SyncFolder when !LosesSyncs && !(planted == Planted.FolderNotSynced && operation.Name == Segments):
                names.RemoveAll(n => (Path.GetDirectoryName(n.Operation.Name) ?? "") == operation.Name);
                break;
            default:
                break;
        }
    }

    private void Sync(string name)
    {
        bool isSkipped = LosesSyncs || planted switch
        {
            Planted.SegmentsNotSynced => name.StartsWith(Segments, StringComparison.Ordinal),
            Planted.LogNotSynced => name == Log,
            Planted.SlotsNotSynced => name == Slots,
            _ => false,
        };
        if (isSkipped)
            return;
        if (planted == Planted.AnswersBeforeDurable)
            late.Add(name);
        else
            pending.Remove(name);
    }

    private List<SimWrite> Of(string name) => pending.TryGetValue(name, out List<SimWrite>? writes) ? writes : pending[name] = [];

    // The file without what was not synced, and with what of that survives: none, all, or any subset of sectors.
    private byte[] Left(string name, SimRandom random)
    {
        var file = new SimBytes(File.ReadAllBytes(Path.Combine(root, name)));
        List<SimWrite> writes = pending[name];
        for (int i = writes.Count - 1; i >= 0; i--)
            writes[i].Undo(file);
        // Drawn apart for each file, so that one that is a cache and has random places in it changes nothing for the others.
        SimRandom own = SimRandom.Of(random.Next(), (ulong)name.Length);
        int share = own.Below(4) switch { 0 => 0, 1 => 1000, _ => own.Below(1001) };
        foreach (SimWrite write in writes)
            write.Redo(file, () => own.PerMille(share));
        return file.ToArray();
    }

    private byte[]? ContentOf(string name) => File.Exists(Path.Combine(root, name)) ? File.ReadAllBytes(Path.Combine(root, name)) : null;

    private void PunchMore(DiskOperation operation)
    {
        const int Cell = 16 * 1024;
        if (operation.Offset < Cell)
            return;
        using SafeFileHandle file = Libc.OpenFile(Path.Combine(root, operation.Name), write: true, create: false)!;
        Libc.Write(file, new byte[Cell], operation.Offset - Cell);
    }

    // Not by File.Copy: .NET asks for locks that the pod holds.
    private static void Copy(string from, string to)
    {
        using SafeFileHandle source = Libc.OpenFile(from, write: false, create: false)!, target = Libc.OpenFile(to, write: true, create: true)!;
        byte[] bytes = new byte[RandomAccess.GetLength(source)];
        int length = RandomAccess.Read(source, bytes, 0);
        Libc.Write(target, bytes.AsSpan(0, length), 0);
        File.SetUnixFileMode(to, File.GetUnixFileMode(from));
    }
}
