namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>A fork: what a host handed in when the session had gone on without it.</summary>
/// <param name="Name">Its name, for get, keep and forget, and for hostguard boot and resume.</param>
/// <param name="Kind">"checkpoint", "disk-only" or "draft".</param>
/// <param name="Time">When it was made, by its host's clock.</param>
/// <param name="Bytes">Bytes of the cells that it needs.</param>
/// <param name="BytesAdded">Bytes of the cells that came with it.</param>
/// <param name="Parent">The generation that it goes on from; null for none, and where that is a fork.</param>
/// <param name="State">As of a generation.</param>
/// <param name="Fork">The fork that it goes on from; null for none.</param>
/// <param name="Lease">The id of the lease that left it.</param>
/// <param name="Host">How the host that left it calls itself; null where nothing tells.</param>
/// <param name="HandedIn">When the pod took it in; null where the audit log does not say.</param>
/// <param name="Waits">True while nobody has decided about it: neither went the session on from it, nor was it kept or forgotten.</param>
internal sealed record ForkReply(string Name, string Kind, DateTimeOffset Time, long Bytes, long BytesAdded, ulong? Parent, string State,
    string? Fork = null, string Lease = "", string? Host = null, DateTimeOffset? HandedIn = null, bool Waits = false);
