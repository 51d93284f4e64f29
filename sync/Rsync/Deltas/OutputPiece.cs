namespace VmPod.Sync.Rsync.Deltas;

/// <summary>Takes the next bytes of what a delta makes.</summary>
internal delegate void OutputPiece(ReadOnlySpan<byte> piece);
