namespace VmPod.HostGuard.Pods;

/// <summary>A paired pod that is announced on a link of this host. Nothing is proved before a handshake.</summary>
/// <param name="Pairing">The pairing's id, 32 hex digits.</param>
/// <param name="Name">How the pod calls itself.</param>
/// <param name="Address">An address of it.</param>
/// <param name="Port">Where it listens.</param>
/// <param name="Addresses">All of them, as --pod takes them; the one to try first comes first.</param>
/// <param name="Links">The interfaces on which it was heard.</param>
/// <param name="SeenSince">When this program found it.</param>
public sealed record PodInReach(string Pairing, string Name, string Address, int Port, IReadOnlyList<string> Addresses, IReadOnlyList<string> Links,
    DateTimeOffset SeenSince);
