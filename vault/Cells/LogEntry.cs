using VmPod.Vault.Format;

namespace VmPod.Vault.Cells;

/// <summary>An entry of the log as it stands there. It is authentic once <see cref="Hash"/> equals a hash that a verified head or commit
/// names.</summary>
public sealed record LogEntry(LogEntryHeader Header, ReadOnlyMemory<byte> Payload, Digest Hash);
