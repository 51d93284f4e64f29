using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Cells;

/// <summary>The caller's part of a new head. The store adds the vault, the number, the log's state, and has it signed.</summary>
/// <param name="NvCounter">The NV counter that this head expects.</param>
/// <param name="TimeMs">Unix time in milliseconds.</param>
/// <param name="Sessions">The whole session table, in any order.</param>
public sealed record HeadDraft(ulong NvCounter, long TimeMs, IReadOnlyList<SessionEntry> Sessions);
