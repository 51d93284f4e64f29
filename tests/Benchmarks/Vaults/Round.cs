using VmPod.Benchmarks.Data;
using VmPod.Benchmarks.Peers;
using VmPod.Benchmarks.Report;

namespace VmPod.Benchmarks.Vaults;

/// <summary>One round: fresh repositories on one disk, every step with all tools in turn; before each, caches are made warm, or all are dropped.</summary>
internal sealed class Round(ISnapshotTool[] tools, VaultTool ours, SessionSet sessions, string folder, bool isCold, TextWriter log)
{
    private readonly string live = Path.Join(folder, "live");

    /// <summary>Runs it.</summary>
    public RoundResult Run()
    {
        int generations = sessions.Folders.Count;
        var result = new RoundResult(new Timing[generations + 1, tools.Length], new long[generations, tools.Length], new double[generations + 1],
            new double[generations], new Timing[tools.Length]);
        foreach (ISnapshotTool tool in tools)
            tool.Create(Path.Join(folder, tool.Name));
        for (int g = 0; g < generations; g++)
        {
            // The peers find a file's older version by its path, so every generation appears in the same place.
            Link(sessions.Folders[g]);
            for (int i = 0; i < tools.Length; i++)
            {
                long before = tools[i].StoredBytes;
                Prepare(tools[i], () => DataFile.Warm(live));
                if (isCold)
                    result.CachedMiB = Math.Max(result.CachedMiB, ColdCaches.CachedMiB(DataFile.Files(live)));
                Note(tools[i], $"put gen{g}", result.Timings[g, i] = tools[i].Save(live, g));
                result.Added[g, i] = tools[i].StoredBytes - before;
                if (tools[i] == ours)
                    (result.PeakMiB[g], result.Fill[g]) = (ours.LastPeakMiB, ours.LastFill);
            }
        }
        for (int i = 0; i < tools.Length; i++)
        {
            string into = Path.Join(folder, "restored");
            result.Unlock[i] = tools[i].Unlock();
            Prepare(tools[i], tools[i].Warm);
            Note(tools[i], "get", result.Timings[generations, i] = tools[i].Restore(generations - 1, into));
            if (tools[i] == ours)
            {
                result.PeakMiB[generations] = ours.LastPeakMiB;
                if (!DataFile.SameContent(sessions.Folders[^1], into))
                    throw new InvalidOperationException("What was restored is not what was saved.");
            }
            Directory.Delete(into, recursive: true);
        }
        return result;
    }

    private void Prepare(ISnapshotTool tool, Action warm)
    {
        Command.Sync(folder);
        if (!isCold)
        {
            warm();
            return;
        }
        ColdCaches.Drop();
        // Ours is in this process, and stays in memory.
        tool.WarmProgram();
    }

    private void Note(ISnapshotTool tool, string step, Timing timing) =>
        log.WriteLine(FormattableString.Invariant($"{(isCold ? "cold" : "warm"),-5}{tool.Name,-8}{step,-10}{timing.WallS,8:0.00} s"));

    private void Link(string generation)
    {
        if (Directory.Exists(live))
            Directory.Delete(live, recursive: true);
        try
        {
            Command.Run("cp", ["-rl", generation, live]);
        }
        catch (InvalidOperationException)
        {
            // Another file system: no hard links there.
            Command.Run("cp", ["-rT", "--sparse=always", generation, live]);
        }
    }
}
