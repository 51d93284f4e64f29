using VmPod.Vault.Cells;

namespace VmPod.Vault.Tests.Cells;

/// <summary>
/// A model of what a disk may hold after a power cut: what was synced is there; of what was not, any subset, a write torn at 512 bytes. A
/// name that was made, changed or removed is durable only once its folder was synced.
/// </summary>
internal sealed class CrashDisk
{
    private const int Sector = 512;

    private sealed class Node
    {
        internal byte[] Data = [];
        internal List<DiskOperation> Pending { get; } = [];

        internal Node Clone()
        {
            var copy = new Node { Data = Data };
            copy.Pending.AddRange(Pending);
            return copy;
        }
    }

    // Names as programs see them now, and as a power cut would leave them if no pending folder operation got through.
    private readonly Dictionary<string, Node> _live = [];
    private readonly Dictionary<string, Node> _durable = [];
    private readonly List<(DiskOperation Operation, Node? Node)> _pendingNames = [];

    internal static CrashDisk FromFolder(string dir)
    {
        var disk = new CrashDisk();
        foreach (string path in Directory.EnumerateFiles(dir, "*", SearchOption.AllDirectories))
        {
            var node = new Node { Data = File.ReadAllBytes(path) };
            disk._live[Path.GetRelativePath(dir, path)] = disk._durable[Path.GetRelativePath(dir, path)] = node;
        }
        return disk;
    }

    internal int PendingCount => _pendingNames.Count + _live.Values.Concat(_durable.Values).Distinct().Sum(node => node.Pending.Count);

    internal void Apply(DiskOperation operation)
    {
        switch (operation.Kind)
        {
            case DiskOperationKind.Create:
                _live[operation.Name] = new Node();
                _pendingNames.Add((operation, _live[operation.Name]));
                break;
            case DiskOperationKind.Delete:
                _ = _live.Remove(operation.Name);
                _pendingNames.Add((operation, null));
                break;
            case DiskOperationKind.Rename:
                _live[operation.Target!] = _live[operation.Name];
                _ = _live.Remove(operation.Name);
                _pendingNames.Add((operation, _live[operation.Target!]));
                break;
            case DiskOperationKind.Write or DiskOperationKind.Truncate or DiskOperationKind.Punch:
                _live[operation.Name].Pending.Add(operation);
                break;
            case DiskOperationKind.Sync:
                var node = _live[operation.Name];
                foreach (var pending in node.Pending)
                    node.Data = Change(node.Data, pending, _ => true);
                node.Pending.Clear();
                break;
            case DiskOperationKind.SyncFolder:
                foreach (var pending in _pendingNames.Where(pending => FolderOf(pending.Operation.Name) == operation.Name).ToArray())
                {
                    ChangeName(_durable, pending.Operation, pending.Node);
                    _ = _pendingNames.Remove(pending);
                }
                break;
            default:
                break;
        }
    }

    /// <summary>Writes one possible state after a cut to a folder. The choice is asked once for each pending name and each pending
    /// sector.</summary>
    internal void Materialise(string dir, Func<bool> survives)
    {
        var names = new Dictionary<string, Node>(_durable);
        foreach (var (operation, node) in _pendingNames)
        {
            if (survives())
                ChangeName(names, operation, node);
        }
        _ = Directory.CreateDirectory(Path.Combine(dir, "v1/segments"));
        foreach (var (name, node) in names)
        {
            var data = node.Data;
            foreach (var pending in node.Pending)
                data = Change(data, pending, _ => survives());
            File.WriteAllBytes(Path.Combine(dir, name), data);
        }
    }

    private static string FolderOf(string name) => Path.GetDirectoryName(name) ?? "";

    private static void ChangeName(Dictionary<string, Node> names, DiskOperation operation, Node? node)
    {
        if (operation.Kind is DiskOperationKind.Delete or DiskOperationKind.Rename)
            _ = names.Remove(operation.Name);
        if (node is not null)
            names[operation.Target ?? operation.Name] = node;
    }

    private static byte[] Change(byte[] data, DiskOperation operation, Func<int, bool> survives)
    {
        if (operation.Kind == DiskOperationKind.Truncate)
        {
            if (survives(0))
                Array.Resize(ref data, (int)operation.Offset);
            return data;
        }
        if (operation.Kind == DiskOperationKind.Punch)
        {
            var punched = (byte[])data.Clone();
            for (long at = operation.Offset; at < Math.Min(operation.Offset + operation.Length, data.Length); at += Sector)
            {
                if (survives((int)at))
                    punched.AsSpan((int)at, Sector).Clear();
            }
            return punched;
        }
        var result = data.ToList();
        for (int at = 0; at < operation.Data.Length;)
        {
            // Cut where the disk cuts: at its own sectors, not at those of the write.
            int length = (int)Math.Min(Sector - (operation.Offset + at) % Sector, operation.Data.Length - at);
            int from = (int)operation.Offset + at;
            if (survives(at))
            {
                if (result.Count < from + length)
                    result.AddRange(new byte[from + length - result.Count]);
                for (int i = 0; i < length; i++)
                    result[from + i] = operation.Data.Span[at + i];
            }
            at += length;
        }
        return [.. result];
    }
}
