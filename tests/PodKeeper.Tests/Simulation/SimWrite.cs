using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using VmPod.Vault.Cells;

namespace VmPod.PodKeeper.Tests.Simulation;

/// <summary>A change of a file that is not synced, and what stood there before it.</summary>
internal sealed class SimWrite
{
    private const int Sector = 512;

    private readonly DiskOperation operation;
    private readonly byte[] before;
    private readonly int lengthBefore;

    private SimWrite(DiskOperation operation, byte[] before, int lengthBefore)
    {
        this.operation = operation;
        this.before = before;
        this.lengthBefore = lengthBefore;
    }

    /// <summary>Looks at the file before the call is made.</summary>
    internal static SimWrite Of(string path, DiskOperation operation)
    {
        using SafeFileHandle? file = Libc.OpenFile(path, write: false, create: false);
        if (file is null)
            return new SimWrite(operation, [], 0);
        int length = (int)RandomAccess.GetLength(file);
        int count = operation.Kind switch
        {
            DiskOperationKind.Write => operation.Data.Length,
            DiskOperationKind.Punch => (int)operation.Length,
            _ => int.MaxValue,
        };
        byte[] before = new byte[Math.Clamp(length - operation.Offset, 0, count)];
        int read = RandomAccess.Read(file, before, operation.Offset);
        return new SimWrite(operation, before[..read], length);
    }

    /// <summary>As it was before. Harmless if the call was not made after all.</summary>
    internal void Undo(SimBytes file)
    {
        if (before.Length > 0)
            file.Put((int)operation.Offset, before);
        file.SetLength(lengthBefore);
    }

    /// <summary>What of it got through.</summary>
    internal void Redo(SimBytes file, Func<bool> survives)
    {
        if (operation.Kind == DiskOperationKind.Truncate)
        {
            if (survives())
                file.SetLength((int)operation.Offset);
            return;
        }
        bool isHole = operation.Kind == DiskOperationKind.Punch;
        int total = isHole ? (int)Math.Clamp(file.Length - operation.Offset, 0, operation.Length) : operation.Data.Length;
        Span<byte> zeros = stackalloc byte[Sector];
        zeros.Clear();
        for (int at = 0; at < total;)
        {
            // Cut where the disk cuts: at its own sectors, not at those of the write.
            int length = (int)Math.Min(Sector - (operation.Offset + at) % Sector, total - at);
            if (survives())
                file.Put((int)operation.Offset + at, isHole ? zeros[..length] : operation.Data.Span.Slice(at, length));
            at += length;
        }
    }
}
