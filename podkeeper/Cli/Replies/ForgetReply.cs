namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>forget.</summary>
/// <param name="Session">The session.</param>
/// <param name="DryRun">Nothing was forgotten.</param>
/// <param name="Generations">Those that were forgotten, or would be.</param>
/// <param name="Forks">Forks likewise.</param>
/// <param name="Stays">Those that the rules do not keep, and that stay all the same.</param>
/// <param name="CellsToFree">Cells that gc can free now, or could, beside those that it could before.</param>
/// <param name="BytesToFree">Their bytes.</param>
internal sealed record ForgetReply(string Session, bool DryRun, IReadOnlyList<ulong> Generations, IReadOnlyList<string> Forks,
    IReadOnlyList<StayReply> Stays, long CellsToFree, long BytesToFree);

/// <summary>A generation that stays.</summary>
/// <param name="Generation">Its number.</param>
/// <param name="Why">The reason.</param>
internal sealed record StayReply(ulong Generation, string Why);
