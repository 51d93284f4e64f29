using VmPod.Vault.Format;

namespace VmPod.Vault.Sessions;

/// <summary>Neighbouring chunks of a generation that cannot be read.</summary>
/// <param name="File">The stream's name; null if it is of none: the generation's own tables, or all of it.</param>
/// <param name="First">The first chunk; null if no chunk can be named.</param>
/// <param name="Last">The last one.</param>
/// <param name="What">What is wrong.</param>
/// <param name="Cells">The cells that are to blame: missing, damaged, or not what the session's keys made. None if all of them open.</param>
public sealed record ChunkDamage(string? File, long? First, long? Last, string What, IReadOnlyList<CellId> Cells);
