using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.Vault.Snapshots.Containers;

/// <summary>Puts a container's file together again, from its layout and the disk's stream.</summary>
internal sealed class ContainerReader
{
    // Bytes of the file that one thread makes at a time.
    private const int PieceBytes = 1 << 20;

    private readonly SessionReader session;
    private readonly StreamInfo layout, disk;
    private readonly LayoutProgram program;

    private ContainerReader(SessionReader session, StreamInfo layout, StreamInfo disk, LayoutProgram program) =>
        (this.session, this.layout, this.disk, this.program) = (session, layout, disk, program);

    /// <summary>Bytes of the file.</summary>
    public long FileBytes => program.FileBytes;

    /// <summary>About how many bytes will be written: what the disk has that is not zero. Deflated it is less in the end.</summary>
    public static long DataBytes(SessionReader session, StreamInfo layout) =>
        DiskOf(session, layout) is { } disk ? session.Chunks(disk).Sum(c => (long)disk.ChunkLength(c)) : 0;

    /// <summary>True for a stream that is no file of its own: the disk in a container.</summary>
    public static bool IsInner(SessionReader session, StreamInfo stream) => stream.Kind == StreamKind.Disk && ContainerNames.OwnerOf(stream.Name) is { } owner
        && session.Streams.Any(s => s.Kind == StreamKind.Container && s.Name == owner);

    /// <summary>Reads the layout.</summary>
    /// <exception cref="VmPodException">It is none, or its disk is missing (5).</exception>
    public static ContainerReader Open(SessionReader session, StreamInfo layout)
    {
        StreamInfo? disk = DiskOf(session, layout);
        byte[] tail = new byte[LayoutProgram.TailBytes];
        if (disk is null || layout.Length < tail.Length)
            throw Damaged(layout);
        using var window = new StreamWindow(session, layout);
        window.Read(layout.Length - tail.Length, tail);
        if (LayoutProgram.TryReadTail(tail, layout.Length) is not { } lengths)
            throw Damaged(layout);
        byte[] bytes = new byte[lengths.ProgramBytes];
        window.Read(lengths.LiteralBytes, bytes);
        LayoutProgram program = LayoutProgram.TryRead(bytes, lengths.LiteralBytes, disk.Length) ?? throw Damaged(layout);
        return new ContainerReader(session, layout, disk, program);
    }

    /// <summary>Writes the whole file; pages of zeros stay holes.</summary>
    /// <param name="file">A new file of just this length.</param>
    /// <param name="done">Told how many bytes are done, by any thread.</param>
    /// <param name="cancel">Stops it.</param>
    public void Write(SafeFileHandle file, Action<long> done, CancellationToken cancel)
    {
        var options = new ParallelOptions { CancellationToken = cancel, MaxDegreeOfParallelism = Math.Max(1, Environment.ProcessorCount) };
        try
        {
            Parallel.ForEach(Pieces(), options, () => new ContainerWorker(session, layout, disk, program), (piece, _, worker) =>
            {
                worker.Write(file, piece);
                done(piece.Length);
                return worker;
            }, worker => worker.Dispose());
        }
        catch (AggregateException e)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }

    // Operations cut into pieces of about the same size; deflated grains singly, as each takes a while.
    private IEnumerable<ContainerPiece> Pieces()
    {
        int deflated = -1;
        foreach ((LayoutOperation operation, long offset, long literals) in program.Operations)
        {
            if (operation.Kind == LayoutKind.Deflated)
            {
                deflated = program.Map.IndexAfter(operation.First);
                for (long i = 0; i < operation.Count; i++)
                {
                    Placement p = program.Map.ByGrain[deflated + (int)i];
                    yield return new ContainerPiece(operation with { First = p.Grain, Count = 1 }, 0, p.FileOffset, program.Map.FileLength(p), 0);
                }
                continue;
            }
            if (operation.Kind == LayoutKind.Zeros)
                continue;
            long length = operation.Kind switch
            {
                LayoutKind.Grains => GrainMap.DiskLength(disk.Length, program.Map.GrainBytes, operation.First, (uint)operation.Count),
                LayoutKind.Literal => operation.Count,
                _ => operation.Count * GrainMap.EntryBytes,
            };
            for (long from = 0; from < length; from += PieceBytes)
            {
                var piece = new ContainerPiece(operation, from, offset + from, Math.Min(PieceBytes, length - from), literals + from);
                // Most of the tables of a large and empty disk.
                if (operation.Kind != LayoutKind.Table
                    || program.Map.HasAny(operation.First + (ulong)(from / GrainMap.EntryBytes), piece.Length / GrainMap.EntryBytes))
                    yield return piece;
            }
        }
    }

    private static StreamInfo? DiskOf(SessionReader session, StreamInfo layout) =>
        session.Streams.FirstOrDefault(s => s.Kind == StreamKind.Disk && s.Name == ContainerNames.DiskOf(layout.Name));

    private static VmPodException Damaged(StreamInfo layout) =>
        new(ExitCode.Damaged, $"The layout of {layout.Name} is not one.", "Use an older generation or a mirror.");
}
