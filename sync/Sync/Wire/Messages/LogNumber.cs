namespace VmPod.Sync.Wire;

/// <summary>One number of a LOG.</summary>
/// <param name="Name">What it is, with its unit: printable, 1 to 32 bytes.</param>
/// <param name="Value">The number.</param>
public readonly record struct LogNumber(string Name, long Value);
