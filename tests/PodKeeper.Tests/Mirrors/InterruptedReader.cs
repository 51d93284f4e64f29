using VmPod.Sync.Mirror;
using VmPod.Vault.Format;

namespace VmPod.PodKeeper.Tests.Mirrors;

/// <summary>A copy that is read, during which something happens once: when so many cells were given.</summary>
internal sealed class InterruptedReader(IMirrorReader copy, int cells, Action happens) : IMirrorReader
{
    private int given;

    public MirrorState Begin() => copy.Begin();

    public CellId[] Ids() => copy.Ids();

    public void ReadCells(ReadOnlySpan<CellId> ids, MirrorCell take) => copy.ReadCells(ids, (id, cell) =>
    {
        take(id, cell);
        if (++given == cells)
            happens();
    });

    public int ReadLog(long offset, Span<byte> into) => copy.ReadLog(offset, into);

    public int ReadAudit(long offset, Span<byte> into) => copy.ReadAudit(offset, into);

    public byte[] ReadCheckpoint() => copy.ReadCheckpoint();

    public MirrorVerdict Judge(MirrorState mirror) => copy.Judge(mirror);

    public void Dispose() => copy.Dispose();
}
