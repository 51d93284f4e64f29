using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.PodKeeper.Tests.Simulation;

/// <summary>What stays on a host whose pod was gone at the leave: sealed cells, and the commit that names them.</summary>
internal sealed record SimResidue(SimLease Lease, UInt128 Boot, SimVersion Version, CommitEntry Commit, IReadOnlyList<(CellId Id, byte[] Cell)> Cells);
