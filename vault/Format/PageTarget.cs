namespace VmPod.Vault.Format;

/// <summary>A payload that pages of another chunk are taken from, by its birth name and its place (rule 1).</summary>
/// <param name="Key">Its chunk.</param>
/// <param name="Place">Its birth and cells. It is a payload of its own: its place names no pages of others that count here.</param>
public readonly record struct PageTarget(ChunkKey Key, PayloadRef Place)
{
    /// <summary>True if the other is the same payload: equal chunk and birth.</summary>
    public bool IsSame(in PageTarget other) => Key == other.Key && Place.IsSameBirth(other.Place);
}
