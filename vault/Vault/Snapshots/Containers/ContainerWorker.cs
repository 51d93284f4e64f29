using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.Vault.Snapshots.Containers;

/// <summary>Makes pieces of a container's file. One for each thread.</summary>
internal sealed class ContainerWorker(SessionReader session, StreamInfo layout, StreamInfo disk, LayoutProgram program) : IDisposable
{
    private readonly StreamWindow literals = new(session, layout), grains = new(session, disk);
    private readonly LockedMemory bytes = new(Math.Max(1 << 20, program.Map.GrainBytes));
    private GrainCoder? coder;

    /// <summary>Writes a piece.</summary>
    /// <exception cref="VmPodException">Damaged cells, or a deflated grain that comes out otherwise (5).</exception>
    public void Write(SafeFileHandle file, ContainerPiece piece)
    {
        LayoutOperation operation = piece.Operation;
        if (operation.Kind == LayoutKind.Deflated)
        {
            Deflated(file, piece);
            return;
        }
        Span<byte> into = bytes.Slice(0, (int)piece.Length);
        switch (operation.Kind)
        {
            case LayoutKind.Literal:
                literals.Read(piece.LiteralOffset, into);
                break;
            case LayoutKind.Grains:
                grains.Read((long)operation.First * program.Map.GrainBytes + piece.From, into);
                break;
            case LayoutKind.Table:
                program.Map.WriteEntries(operation.First + (ulong)(piece.From / GrainMap.EntryBytes), into);
                break;
            default:
                LayoutProgram.WriteProgression(operation.First + (uint)(piece.From / GrainMap.EntryBytes) * operation.Step, operation.Step, into);
                break;
        }
        SnapshotReader.WriteSparse(file, into, piece.FileOffset);
        Libc.BeginWriteback(file, piece.FileOffset, piece.Length);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        literals.Dispose();
        grains.Dispose();
        bytes.Dispose();
        coder?.Dispose();
    }

    private void Deflated(SafeFileHandle file, ContainerPiece piece)
    {
        GrainMap map = program.Map;
        coder ??= new GrainCoder(map.GrainBytes);
        uint level = piece.Operation.Step;
        int length = (int)GrainMap.DiskLength(map.DiskBytes, map.GrainBytes, piece.Operation.First, 1);
        Span<byte> plain = bytes.Slice(0, level < Placement.Padded ? length : map.GrainBytes);
        grains.Read((long)piece.Operation.First * map.GrainBytes, plain[..length]);
        plain[length..].Clear();
        ReadOnlySpan<byte> made = coder.Deflate(plain, piece.Operation.First, (byte)(level & ~(uint)Placement.Padded));
        if (made.Length != piece.Length)
            throw new VmPodException(ExitCode.Damaged, $"A grain of {layout.Name} does not come out as it was.", "Use an older generation or a mirror.");
        Libc.Write(file, made, piece.FileOffset);
    }
}
