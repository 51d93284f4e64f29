using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>
/// What a host puts on one link of the cells that no commit names yet: each of them once, and none that the pod has (S-77). A host whose link was lost begins
/// anew with the next one, by asking what is there; so a cut costs the cell that it went through, and no other one crosses the air twice. Thread-safe.
/// </summary>
public sealed class CellUpload
{
    private readonly Lock asking = new(), gate = new();
    private readonly HashSet<CellId> seenTo = [];       // put on this link, or there

    /// <summary>Begins on a link.</summary>
    /// <param name="link">The link, with the lease attached. Stays the caller's.</param>
    /// <param name="cellBytes">Bytes of the cells that are kept.</param>
    /// <exception cref="VmPodException">The pod says that its cells are of another size (5).</exception>
    public CellUpload(WireLink link, int cellBytes)
    {
        ArgumentNullException.ThrowIfNull(link);
        if (link.Pod?.CellBytes != cellBytes)
            throw new VmPodException(ExitCode.Damaged, "The pod says that its cells have another size than they had.", "podkeeper verify DIR on the pod.");
        Link = link;
    }

    /// <summary>Reads a cell that is kept. False if it is not kept any more.</summary>
    public delegate bool Reader(in CellId id, Span<byte> cell);

    /// <summary>The link.</summary>
    public WireLink Link { get; }

    /// <summary>Puts a cell that was just made, unless it went here already.</summary>
    /// <exception cref="VmPodException">The link is lost (7).</exception>
    public void Put(in CellId id, ReadOnlySpan<byte> cell)
    {
        lock (gate)
        {
            if (!seenTo.Add(id))
                return;
        }
        _ = Link.PutCell(cell);
    }

    /// <summary>Puts those of some cells that are not there. When it returns, a COMMIT that is sent next finds all of them.</summary>
    /// <param name="ids">Cells that are kept, each once. Those that went over this link already cost nothing.</param>
    /// <param name="read">Reads one of them.</param>
    /// <param name="patience">For each answer.</param>
    /// <exception cref="VmPodException">No answer, or the link is lost (7); the pod refuses (4, 6). It can be called again.</exception>
    public void PutMissing(IReadOnlyList<CellId> ids, Reader read, TimeSpan patience)
    {
        ArgumentNullException.ThrowIfNull(ids);
        ArgumentNullException.ThrowIfNull(read);
        // Whoever comes second waits until the first is through: only then is what the first claimed there.
        lock (asking)
        {
            CellId[] claimed;
            lock (gate)
                claimed = [.. ids.Where(seenTo.Add)];
            byte[] cell = new byte[Link.Pod!.CellBytes];
            int done = 0;
            try
            {
                foreach (CellId[] part in claimed.Chunk(WireLimits.HaveIdsMax))
                {
                    HaveReply have = Link.Call(new HaveRequest { Ids = part }, patience);
                    for (int i = 0; i < part.Length; i++, done++)
                    {
                        if (!have.Has[i] && read(part[i], cell))
                            _ = Link.PutCell(cell);
                    }
                }
            }
            catch
            {
                lock (gate)
                    seenTo.ExceptWith(claimed.Skip(done));
                throw;
            }
        }
    }

    /// <summary>A commit names what was put, or it is of no use any more: nothing of it is put again.</summary>
    public void Forget()
    {
        lock (gate)
            seenTo.Clear();
    }
}
