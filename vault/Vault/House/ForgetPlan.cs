using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.Vault.House;

/// <summary>What a forgetting would let go, and what that would free.</summary>
/// <param name="Session">The session.</param>
/// <param name="Generations">Generations that go, oldest first.</param>
/// <param name="Forks">Forks that go.</param>
/// <param name="Stays">Generations that the rules would let go, and that stay all the same, with the reason.</param>
/// <param name="CellsFreed">Cells that gc could free then, beside those that it could free already.</param>
public sealed record ForgetPlan(SessionHandle Session, IReadOnlyList<GenerationInfo> Generations, IReadOnlyList<ForkInfo> Forks,
    IReadOnlyList<(ulong Generation, string Why)> Stays, long CellsFreed);
