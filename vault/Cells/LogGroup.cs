namespace VmPod.Vault.Cells;

/// <summary>What one commit of the store wrote to the log: entries, then a HEAD that stands where it says it does (V-49).</summary>
/// <param name="Offset">Where the group begins.</param>
/// <param name="Next">Where the next one begins.</param>
/// <param name="Entries">The frames before the HEAD. Of a damaged group only those from its beginning up to the first that does not fit.</param>
/// <param name="IsDamaged">True if the frames do not lead to a HEAD with the right number of entries before it: something may be missing here.</param>
public sealed record LogGroup(long Offset, long Next, IReadOnlyList<LogFrame> Entries, bool IsDamaged);
