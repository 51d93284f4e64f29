namespace VmPod.Benchmarks.Transfer;

/// <summary>A command of a peer, to be run on the host.</summary>
/// <param name="Program">The program.</param>
/// <param name="Arguments">Its arguments.</param>
/// <param name="Environment">Variables.</param>
/// <param name="Folder">Where it runs; anywhere if null.</param>
/// <param name="KnownBytes">Bytes that it moves as they are, at one pace from begin to end; null if that depends on what is in them.</param>
internal sealed record TransferCommand(string Program, IReadOnlyList<string> Arguments, IReadOnlyDictionary<string, string?>? Environment = null,
    string? Folder = null, long? KnownBytes = null);
