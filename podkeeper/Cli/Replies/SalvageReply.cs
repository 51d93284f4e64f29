namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>What get --salvage could not give back.</summary>
/// <param name="LostBytes">Bytes of lost chunks: there are holes in their place.</param>
/// <param name="Lost">Those chunks of 64 KiB, by file; neighbours together.</param>
/// <param name="AsDisks">Disks of VMDKs that could not be put together, as plain images.</param>
internal sealed record SalvageReply(long LostBytes, IReadOnlyList<SalvageReply.Chunks> Lost, IReadOnlyList<string> AsDisks)
{
    /// <summary>Neighbouring chunks.</summary>
    internal sealed record Chunks(string File, long First, long Last, string What);
}
