namespace VmPod.Vault.Snapshots.Containers;

/// <summary>A part of a container's file that one thread makes.</summary>
/// <param name="Operation">The operation it is of.</param>
/// <param name="From">Bytes of the operation before it.</param>
/// <param name="FileOffset">Where it stands in the file.</param>
/// <param name="Length">Its bytes.</param>
/// <param name="LiteralOffset">Of literals, where they stand in the layout.</param>
internal readonly record struct ContainerPiece(LayoutOperation Operation, long From, long FileOffset, long Length, long LiteralOffset);
