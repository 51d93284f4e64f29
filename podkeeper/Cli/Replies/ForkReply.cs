namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>A fork: what a host handed in when the session had gone on without it.</summary>
/// <param name="Name">Its name, for get and for hostguard boot and resume.</param>
/// <param name="Kind">"checkpoint", "disk-only" or "draft".</param>
/// <param name="Time">When it was made.</param>
/// <param name="Bytes">Bytes of the cells that it needs.</param>
/// <param name="BytesAdded">Bytes of the cells that came with it.</param>
/// <param name="Parent">The generation that it goes on from; null for none.</param>
/// <param name="State">As of a generation.</param>
internal sealed record ForkReply(string Name, string Kind, DateTimeOffset Time, long Bytes, long BytesAdded, ulong? Parent, string State);
