using VmPod.Vault.Format;

namespace VmPod.Vault.Snapshots;

/// <summary>A file that becomes a stream of a machine.</summary>
/// <param name="Path">Where it is; may be a descriptor of this process under /proc/self/fd.</param>
/// <param name="Name">The stream's name.</param>
/// <param name="Kind">What it is to the session.</param>
public sealed record StreamSource(string Path, string Name, StreamKind Kind);
