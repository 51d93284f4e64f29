namespace VmPod.Testing;

/// <summary>A place that was searched.</summary>
/// <param name="Place">A file, or the memory of a process.</param>
/// <param name="Bytes">How much of it was read; holes are not.</param>
/// <param name="Hits">How often a pattern stood in it.</param>
public sealed record SearchedPlace(string Place, long Bytes, int Hits);
