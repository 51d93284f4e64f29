using VmPod.Vault.Format;

namespace VmPod.HostGuard.Pods;

/// <summary>A session as its pod describes it.</summary>
/// <param name="TipNumber">Number of its newest commit, draft or not.</param>
/// <param name="Start">The generation that was asked for; else the newest checkpoint. Null if there is none.</param>
internal sealed record PodSession(ulong TipNumber, PodGeneration? Start);

/// <summary>A generation as its pod describes it.</summary>
/// <param name="Generation">Its number among the generations.</param>
/// <param name="Number">Its number among the commits.</param>
/// <param name="Kind">What it is.</param>
internal sealed record PodGeneration(ulong Generation, ulong Number, GenerationKind Kind);
