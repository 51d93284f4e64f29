using VmPod.Vault.Format;

namespace VmPod.Vault.Cells;

/// <summary>Where an entry stands in the log (byte offset of its frame), its number from 0, and its hash: SHA-256(0x00 || type ||
/// payload).</summary>
public readonly record struct EntryPlace(long Offset, long Index, byte Type, int Bytes, Digest Hash);
