namespace VmPod.Vault.Snapshots;

/// <summary>Neighbouring chunks of a file that could not be given back: there is a hole in their place.</summary>
/// <param name="File">The file's name in the session.</param>
/// <param name="First">The first chunk.</param>
/// <param name="Last">The last one.</param>
/// <param name="What">Why.</param>
public sealed record LostChunks(string File, long First, long Last, string What);
