using VmPod.Vault.Cells;

namespace VmPod.PodKeeper.Tests.Simulation;

/// <summary>A name that was made, changed or removed, in a folder that was not synced since.</summary>
/// <param name="Operation">The call.</param>
/// <param name="Lost">What stood under the name that it took away or over.</param>
internal sealed record SimName(DiskOperation Operation, byte[]? Lost);
