using VmPod.Vault.Cells;
using VmPod.Vault.Tests.Cells;

namespace VmPod.Vault.Tests.Crash;

/// <summary>
/// A disk under a workload, and the states that a power cut can leave of it: what was synced is there; of what was not, any subset of sectors; a name
/// that was made, changed or removed is durable once its folder was synced.
/// </summary>
/// <remarks>
/// A state is built in memory and judged in two halves. Which head counts, whether a writer finds the same and can go on: the real store says, on a real
/// folder, once for each content of slots and log and each number of whole cells; nothing else of the state bears on that. Whether the cells of that head are
/// whole: compared byte by byte, in every state.
/// </remarks>
internal sealed class CrashModel
{
    private const string Slots = "v1/slots.bin", Log = "v1/log", Segment = "v1/segments/000000.seg";
    private const int ExhaustiveBits = 14;

    private readonly Dictionary<string, CrashFile> live = [];
    private readonly Dictionary<string, CrashFile> durable = [];
    private readonly List<(DiskOperation Operation, CrashFile? File)> names = [];
    private readonly Dictionary<CrashFile, byte[]> buffers = [];
    private readonly CrashJudge judge;
    private readonly CrashWorkload workload;
    private readonly Random random;

    private CrashModel(CrashWorkload workload, CrashJudge judge, int seed)
    {
        (this.workload, this.judge) = (workload, judge);
        random = new Random(seed);
        foreach ((string name, byte[] bytes) in workload.Start)
            live[name] = durable[name] = CrashFile.Of(bytes);
    }

    /// <summary>What an exploration found.</summary>
    internal sealed record Result(long States, IReadOnlyList<string> Violations);

    /// <summary>Cuts the power before each call and after the last.</summary>
    /// <param name="workload">What is done.</param>
    /// <param name="judge">Judges states.</param>
    /// <param name="statesPerCut">Random subsets, where there are too many for all.</param>
    /// <param name="seed">Of these.</param>
    /// <param name="violationsMax">Stops at so many.</param>
    internal static Result Explore(CrashWorkload workload, CrashJudge judge, int statesPerCut, int seed, int violationsMax = 1)
    {
        var model = new CrashModel(workload, judge, seed);
        var violations = new List<string>();
        long states = 0;
        for (int cut = 0; cut <= workload.Moments.Count && violations.Count < violationsMax; cut++)
        {
            ulong acknowledged = cut < workload.Moments.Count ? workload.Moments[cut].Acknowledged : workload.Acknowledged;
            foreach (bool[] choice in model.Choices(statesPerCut))
            {
                states++;
                if (model.Violation(choice, acknowledged) is not { } violation)
                    continue;
                violations.Add($"{workload.Name}, before call {cut}: {violation}");
                if (violations.Count >= violationsMax)
                    break;
            }
            if (cut < workload.Moments.Count)
                model.Apply(workload.Moments[cut].Operation);
        }
        return new Result(states, violations);
    }

    private void Apply(DiskOperation operation)
    {
        switch (operation.Kind)
        {
            case DiskOperationKind.Create:
                live[operation.Name] = new CrashFile();
                names.Add((operation, live[operation.Name]));
                break;
            case DiskOperationKind.Delete:
                _ = live.Remove(operation.Name);
                names.Add((operation, null));
                break;
            case DiskOperationKind.Rename:
                live[operation.Target!] = live[operation.Name];
                _ = live.Remove(operation.Name);
                names.Add((operation, live[operation.Target!]));
                break;
            case DiskOperationKind.Write or DiskOperationKind.Truncate:
                live[operation.Name].Add(operation);
                break;
            case DiskOperationKind.Sync:
                live[operation.Name].Sync();
                break;
            case DiskOperationKind.SyncFolder:
                foreach (var pending in names.Where(n => (Path.GetDirectoryName(n.Operation.Name) ?? "") == operation.Name).ToArray())
                {
                    Name(durable, pending.Operation, pending.File);
                    _ = names.Remove(pending);
                }
                break;
            default:
                break;
        }
        buffers.Clear();
    }

    private static void Name(Dictionary<string, CrashFile> names, DiskOperation operation, CrashFile? file)
    {
        if (operation.Kind is DiskOperationKind.Delete or DiskOperationKind.Rename)
            _ = names.Remove(operation.Name);
        if (file is not null)
            names[operation.Target ?? operation.Name] = file;
    }

    // All subsets of few; of many none, all, every prefix, every suffix, every single omission, and random ones.
    private IEnumerable<bool[]> Choices(int randomCount)
    {
        int bits = names.Count + live.Values.Concat(durable.Values).Distinct().Sum(f => f.Pending.Count);
        bool[] choice = new bool[bits];
        if (bits <= ExhaustiveBits)
        {
            for (int subset = 0; subset < 1 << bits; subset++)
            {
                for (int i = 0; i < bits; i++)
                    choice[i] = (subset >> i & 1) == 1;
                yield return choice;
            }
            yield break;
        }
        for (int i = 0; i <= bits; i++)
        {
            choice.AsSpan(0, i).Fill(true);
            choice.AsSpan(i).Clear();
            yield return choice;
            choice.AsSpan(0, i).Clear();
            choice.AsSpan(i).Fill(true);
            yield return choice;
            if (i == bits)
                continue;
            Array.Fill(choice, true);
            choice[i] = false;
            yield return choice;
        }
        for (int k = 0; k < randomCount; k++)
        {
            double share = random.NextDouble();
            for (int i = 0; i < bits; i++)
                choice[i] = random.NextDouble() < share;
            yield return choice;
        }
    }

    private string? Violation(bool[] choice, ulong acknowledged)
    {
        Dictionary<string, CrashFile> left = durable;
        int at = 0;
        if (names.Count > 0)
        {
            left = new(durable);
            foreach ((DiskOperation operation, CrashFile? file) in names)
            {
                if (choice[at++])
                    Name(left, operation, file);
            }
        }
        var state = new CrashState();
        foreach (CrashFile file in live.Values.Concat(durable.Values).Distinct())
        {
            int first = at;
            at += file.Pending.Count;
            string? name = left.FirstOrDefault(n => n.Value == file).Key;
            if (name is null)
                continue;
            if (!buffers.TryGetValue(file, out byte[]? buffer))
                buffers[file] = buffer = new byte[file.LengthMax];
            state.Files[name] = (buffer, file.Build(buffer, i => choice[first + i]));
        }
        CrashJudge.Verdict verdict = judge.Judge(state.Of(Slots), state.Of(Log), state.Of(Segment), state);
        if (verdict.Problem is not null)
            return verdict.Problem;
        if (verdict.Seq < acknowledged || verdict.Seq > workload.NextHead(acknowledged))
            return $"head {verdict.Seq} after {acknowledged} was acknowledged";
        if (!workload.CellsOfHead.TryGetValue(verdict.Seq, out (int Number, int Position)[]? cells))
            return $"head {verdict.Seq} was never made";
        if (verdict.Cells < cells.Length)
            return $"head {verdict.Seq} has {verdict.Cells} of its {cells.Length} cells";
        ReadOnlySpan<byte> segment = state.Of(Segment);
        foreach ((int number, int position) in cells)
        {
            int offset = position * PodFolder.CellBytes;
            if (segment.Length < offset + PodFolder.CellBytes || !segment.Slice(offset, PodFolder.CellBytes).SequenceEqual(judge.Cell(number)))
                return $"head {verdict.Seq}: cell {number} is not whole";
        }
        return null;
    }
}
