using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Cells;

/// <summary>A committed state of the store: the head, where it stands, and the frontier that the next head will carry. Immutable.</summary>
/// <param name="Head">The head; null only while a vault is being made.</param>
/// <param name="Slot">The local record that goes with it.</param>
/// <param name="Frontier">The tree over all entries, the head's own included.</param>
internal sealed record StoreState(HeadRecord? Head, SlotRecord? Slot, LogFrontier Frontier)
{
    /// <summary>Before the first commit.</summary>
    internal static StoreState Genesis { get; } = new(null, null, LogFrontier.Empty);

    internal ulong Seq => Slot?.Seq ?? 0;

    internal long LogBytes => Slot?.LogBytes ?? 0;

    internal long Cells => Slot?.Cells ?? 0;
}
