namespace VmPod.Vault.Cells;

/// <summary>An entry that is to be appended to the log. The store knows type 1 (HEAD, its own); all other types and payloads are the
/// caller's.</summary>
public readonly record struct PendingEntry(byte Type, ReadOnlyMemory<byte> Payload);
