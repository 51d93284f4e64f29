namespace VmPod.PodKeeper;

/// <summary>What opens a pod, or parts of it, besides the secrets in its own folder: what a shredding cannot reach.</summary>
/// <param name="RecoveryWords">There are recovery words: who has them opens this pod and every copy of it.</param>
/// <param name="HomeHosts">Home hosts that hold a key of their own, which opens their leases' cells with a copy of v1/homes from before.</param>
/// <param name="HasTpm">The pod's secrets are in a TPM, which really forgets them.</param>
public sealed record SurvivingSlots(bool RecoveryWords, int HomeHosts, bool HasTpm);
