using System.Net;

namespace VmPod.Sync.Discovery.Browsing;

/// <summary>A service that somebody on the link announces. Nothing of it is proved: it says where to knock.</summary>
/// <param name="Link">The interface on which it was heard.</param>
/// <param name="Instance">Its label, as text in which nothing but printable ASCII stands.</param>
/// <param name="Port">Where it listens.</param>
/// <param name="Addresses">At which addresses of that link; those of IPv6's link-local kind with the link as scope. At least one.</param>
/// <param name="Text">The strings of its TXT.</param>
/// <param name="Since">How long this browser ran when it found it.</param>
public sealed record FoundService(string Link, string Instance, int Port, IReadOnlyList<IPAddress> Addresses, IReadOnlyList<byte[]> Text, TimeSpan Since);
