namespace VmPod.HostGuard.Mount;

/// <summary>What a mount answered since its start.</summary>
/// <param name="Reads">READ requests answered with data.</param>
/// <param name="BytesRead">Bytes of them.</param>
/// <param name="Writes">WRITE requests taken by a file.</param>
/// <param name="BytesWritten">Bytes of them.</param>
/// <param name="WritesDiscarded">WRITE requests dropped because the file is being wiped.</param>
/// <param name="Fsyncs">Barriers: fsync and fdatasync.</param>
/// <param name="Errors">Requests answered with an error because a file threw.</param>
public readonly record struct MountStatistics(
    long Reads, long BytesRead, long Writes, long BytesWritten, long WritesDiscarded, long Fsyncs, long Errors);
