using VmPod.Vault.Sessions;

namespace VmPod.PodKeeper;

/// <summary>A fork that nobody has decided about.</summary>
/// <param name="Session">The session's name, or its handle while the pod is locked.</param>
/// <param name="Fork">The fork.</param>
/// <param name="Origin">Where it comes from.</param>
public sealed record OpenFork(string Session, ForkInfo Fork, ForkOrigin Origin);
