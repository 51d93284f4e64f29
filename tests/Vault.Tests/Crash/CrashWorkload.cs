using VmPod.Vault.Cells;
using VmPod.Vault.Tests.Cells;

namespace VmPod.Vault.Tests.Crash;

/// <summary>What a program does with a store, from a short alphabet, as the disk sees it: each call, and what had been acknowledged before it.</summary>
internal sealed class CrashWorkload
{
    /// <summary>A cell; two cells and a commit (a put); a commit without cells; a commit with a long entry; cell, flush, cell, commit (a live tip); flush;
    /// discard; close and open again.</summary>
    internal const string Alphabet = "apclTFDr";

    /// <summary>A call, and the seq of the head that was acknowledged before it was made.</summary>
    internal sealed record Moment(DiskOperation Operation, ulong Acknowledged);

    private CrashWorkload(string name) => Name = name;

    internal string Name { get; }

    /// <summary>The folder before the first call, by relative name.</summary>
    internal required IReadOnlyDictionary<string, byte[]> Start { get; init; }

    internal required IReadOnlyList<Moment> Moments { get; init; }

    /// <summary>Acknowledged after the last call.</summary>
    internal required ulong Acknowledged { get; init; }

    /// <summary>Cells of each head: number and position.</summary>
    internal required IReadOnlyDictionary<ulong, (int Number, int Position)[]> CellsOfHead { get; init; }

    /// <summary>The head that may be there before it was acknowledged: a pod's is the next one, a mirror's any that it is given.</summary>
    internal ulong NextHead(ulong acknowledged) => CellsOfHead.Keys.Where(seq => seq > acknowledged).DefaultIfEmpty(acknowledged + 1).Min();

    /// <summary>The same, by a store that makes other calls.</summary>
    internal CrashWorkload Changed(Func<IReadOnlyList<Moment>, IEnumerable<Moment>> change) => new(Name)
    {
        Start = Start,
        Moments = [.. change(Moments)],
        Acknowledged = Acknowledged,
        CellsOfHead = CellsOfHead,
    };

    /// <summary>All workloads of just so many steps.</summary>
    internal static IEnumerable<string> Names(int steps) => steps == 0 ? [""] : Names(steps - 1).SelectMany(n => Alphabet.Select(c => n + c));

    /// <summary>A mirror that was brought to the pod's second head takes heads further on, as the real store asks the disk for it: cells, then log, then
    /// slots.</summary>
    /// <param name="heads">By how many heads the pod is ahead each time.</param>
    internal static CrashWorkload RecordMirror(params int[] heads)
    {
        using var pod = new PodFolder();
        using var mirror = new PodFolder();
        using CellStore source = pod.Create();
        var moments = new List<Moment>();
        var cells = new Dictionary<ulong, (int, int)[]>();
        List<(int, int)> committed = [];
        ulong acknowledged = 0;
        int next = 10;
        _ = PodFolder.Commit(source, 1);
        using (CellStore made = CellStore.OpenMirror(mirror.Dir, PodFolder.Descriptor, mirror.Authority))
            Take(made);
        var start = Directory.EnumerateFiles(mirror.Dir, "*", SearchOption.AllDirectories)
            .ToDictionary(path => Path.GetRelativePath(mirror.Dir, path), File.ReadAllBytes);
        foreach (int ahead in heads)
        {
            for (int i = 0; i < ahead; i++)
                _ = PodFolder.Commit(source, new byte[100 + i]);
            using CellStore store = CellStore.OpenMirror(mirror.Dir, PodFolder.Descriptor, mirror.Authority,
                operation => moments.Add(new(operation, acknowledged)));
            _ = PodFolder.Append(store, next, 2);
            committed.AddRange([(next, committed.Count), (next + 1, committed.Count + 1)]);
            next += 2;
            Take(store);
        }
        return new CrashWorkload($"mirror {string.Join(' ', heads)}") { Start = start, Moments = moments, Acknowledged = acknowledged, CellsOfHead = cells };

        void Take(CellStore store)
        {
            cells[source.Head.Seq] = [.. committed];
            byte[] log = new byte[source.LogBytes - store.LogBytes];
            _ = source.ReadLogBytes(store.LogBytes, log);
            store.WriteLogPiece(store.LogBytes, log);
            store.TakeHead(source.LogBytes);
            acknowledged = source.Head.Seq;
        }
    }

    /// <summary>Does it with the real store, and writes down what that asks of the disk.</summary>
    /// <param name="name">The steps.</param>
    /// <param name="isEmpty">Whether the vault has no cell before, so that its first segment file is made on the way.</param>
    internal static CrashWorkload Record(string name, bool isEmpty)
    {
        using var pod = new PodFolder();
        using (var made = pod.Create())
        {
            if (!isEmpty)
                _ = PodFolder.Append(made, 0, 1);
            _ = PodFolder.Commit(made, 1);
        }
        var start = Directory.EnumerateFiles(pod.Dir, "*", SearchOption.AllDirectories)
            .ToDictionary(path => Path.GetRelativePath(pod.Dir, path), File.ReadAllBytes);
        var moments = new List<Moment>();
        ulong acknowledged = 2;
        List<(int, int)> committed = isEmpty ? [] : [(0, 0)];
        var appended = new List<(int, int)>();
        var cells = new Dictionary<ulong, (int, int)[]> { [2] = [.. committed] };
        int next = 10;
        CellStore Open() => pod.Open(StoreAccess.Write, operation => moments.Add(new(operation, acknowledged)));
        var store = Open();
        try
        {
            foreach (char step in name)
            {
                switch (step)
                {
                    case 'a':
                        Append(1);
                        break;
                    case 'p':
                        Append(2);
                        Commit(4);
                        break;
                    case 'c':
                        Commit(4);
                        break;
                    case 'l':
                        Commit(1500);
                        break;
                    case 'T':
                        Append(1);
                        store.Flush();
                        Append(1);
                        Commit(90);
                        break;
                    case 'F':
                        store.Flush();
                        break;
                    case 'D':
                        store.DiscardUncommitted();
                        appended.Clear();
                        break;
                    default:
                        store.Dispose();
                        store = Open();
                        appended.Clear();
                        break;
                }
            }
        }
        finally
        {
            store.Dispose();
        }
        return new CrashWorkload(name) { Start = start, Moments = moments, Acknowledged = acknowledged, CellsOfHead = cells };

        void Append(int count)
        {
            for (int i = 0; i < count; i++)
                appended.Add((next + i, committed.Count + appended.Count));
            _ = PodFolder.Append(store, next, count);
            next += count;
        }

        void Commit(int bytes)
        {
            committed.AddRange(appended);
            appended.Clear();
            // Before: a power cut may leave the new head though it was not acknowledged.
            cells[acknowledged + 1] = [.. committed];
            byte[] payload = new byte[bytes];
            payload.AsSpan().Fill((byte)next);
            acknowledged = PodFolder.Commit(store, payload).Head.Seq;
        }
    }
}
