namespace VmPod.Testing;

/// <summary>What a capture shows to somebody who has no key.</summary>
/// <param name="Packets">Packets of any kind.</param>
/// <param name="Bytes">Bytes of packets.</param>
/// <param name="Links">Connections with the pod.</param>
/// <param name="CellsToPod">Frames to the pod that have the length of a PUT_CELL.</param>
/// <param name="CellsFromPod">Frames from the pod that have the length of a CELL.</param>
/// <param name="IdLists">Frames to the pod that are long, and have the length of a list of ids.</param>
/// <param name="OtherFrames">All other frames that are long enough to hold the smallest cell. There must be none.</param>
/// <param name="OtherLengths">Their lengths.</param>
/// <param name="SmallFrames">Frames too short for any cell.</param>
/// <param name="SmallBytes">Bytes of them.</param>
/// <param name="BytesMissing">Bytes of connections that the capture has not: 0, or it proves little.</param>
/// <param name="Hits">Canaries in packets as they were, and in connections put together.</param>
/// <param name="ControlHits">Of the one that was sent in the clear, so that it must be found.</param>
public sealed record WireReport(long Packets, long Bytes, int Links, long CellsToPod, long CellsFromPod, long IdLists, long OtherFrames,
    IReadOnlyList<long> OtherLengths, long SmallFrames, long SmallBytes, long BytesMissing, int Hits, int ControlHits);
