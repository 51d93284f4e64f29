namespace VmPod.Sync.Wire;

/// <summary>What a pod's beats say of the room on its disk, from version 2 on.</summary>
/// <param name="Room">Whether there is enough.</param>
/// <param name="FreeBytes">Bytes that are free.</param>
public readonly record struct PodSpace(PodRoom Room, ulong FreeBytes);
