using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Sessions;

namespace VmPod.Vault.House;

/// <summary>The cells that may not be freed (V-162): the union of the live sets of commits that somebody may open, and leases that may still name their
/// own.</summary>
/// <param name="Cells">Cells by id.</param>
/// <param name="Leases">Leases: every cell with this key id.</param>
internal sealed record NeededCells(LiveSet Cells, HashSet<ulong> Leases)
{
    /// <summary>
    /// Adds the live sets of the wanted commits of one line: replayed from its beginning, so that the time is that of reading the line once, however many
    /// are wanted.
    /// </summary>
    /// <param name="line">The commits from the newest back, each the parent of the one before.</param>
    /// <param name="wanted">Whether a commit's live set is needed.</param>
    /// <returns>False if the lists do not give the sets that were signed.</returns>
    public bool AddLine(IReadOnlyList<(CommitEntry Commit, Digest Hash)> line, Func<Digest, bool> wanted)
    {
        // For each live cell, the commit that it came with. One that is dropped was needed if a wanted commit stands between.
        var live = new Dictionary<CellId, int>();
        int lastWanted = -1;
        for (int i = line.Count - 1, at = 0; i >= 0; i--, at++)
        {
            (CommitEntry commit, Digest hash) = line[i];
            foreach (CellId id in commit.Added)
            {
                if (!live.TryAdd(id, at))
                    return false;
            }
            foreach (CellId id in commit.Dropped)
            {
                if (!live.Remove(id, out int since))
                    return false;
                if (since <= lastWanted)
                    Cells.Add(id);
            }
            if ((ulong)live.Count != commit.Record.LiveCount)
                return false;
            if (wanted(hash))
                lastWanted = at;
        }
        foreach ((CellId id, int since) in live)
        {
            if (since <= lastWanted)
                Cells.Add(id);
        }
        return true;
    }
}
