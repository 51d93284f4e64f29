namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>What a fork differs in from its session.</summary>
/// <param name="Session">The session's name, or its handle while locked.</param>
/// <param name="Fork">The fork itself.</param>
/// <param name="HostText">The host that left it, for a person.</param>
/// <param name="HostId">What the vault calls that host during that boot: the actor of entries in the audit log.</param>
/// <param name="LeaseBegan">When its lease began; null where the lease's entry is damaged.</param>
/// <param name="Ancestor">What both go on from: "@2", "a draft after @2"; null for nothing.</param>
/// <param name="SessionTime">When the session's newest commit was made.</param>
/// <param name="ForkSince">What the fork has since the ancestor; null if the session's newest commit is damaged, as the next.</param>
/// <param name="SessionSince">What the session has since.</param>
/// <param name="Files">In which files they differ; null while locked, and where <paramref name="FilesProblem"/> says why.</param>
/// <param name="FilesProblem">Why that cannot be said; null if it can, and while locked.</param>
internal sealed record ForkDetailReply(string Session, ForkReply Fork, string HostText, string HostId, DateTimeOffset? LeaseBegan, string? Ancestor,
    DateTimeOffset? SessionTime, ForkSinceReply? ForkSince, ForkSinceReply? SessionSince, ForkFilesReply? Files, string? FilesProblem);

/// <summary>What one side has since the ancestor.</summary>
/// <param name="Commits">Commits, drafts included.</param>
/// <param name="CellsAdded">Cells that came since, and are needed.</param>
/// <param name="BytesAdded">Their bytes.</param>
internal sealed record ForkSinceReply(int Commits, long CellsAdded, long BytesAdded);

/// <summary>In which files the two differ.</summary>
/// <param name="HasAncestor">False if what both go on from is gone: then nobody can say who wrote a chunk.</param>
/// <param name="IsUpperBound">True if some chunks were not compared: they count as different.</param>
/// <param name="Differ">The files.</param>
internal sealed record ForkFilesReply(bool HasAncestor, bool IsUpperBound, IReadOnlyList<ForkFileReply> Differ);

/// <summary>A file in which they differ. Chunks are 64 KiB, numbered from 0.</summary>
/// <param name="File">Its name.</param>
/// <param name="ForkBytes">Its length in the fork; null if it is not there.</param>
/// <param name="SessionBytes">Its length in the session; null if it is not there.</param>
/// <param name="ForkChunks">Chunks that the fork alone has written.</param>
/// <param name="SessionChunks">Chunks that the session alone has written.</param>
/// <param name="BothChunks">Chunks that both have written, differently.</param>
/// <param name="UnknownChunks">Chunks that differ, where nothing tells who wrote them.</param>
/// <param name="Ranges">Some of them, those of both first.</param>
internal sealed record ForkFileReply(string File, long? ForkBytes, long? SessionBytes, long ForkChunks, long SessionChunks, long BothChunks,
    long UnknownChunks, IReadOnlyList<ForkRangeReply> Ranges);

/// <summary>Neighbouring chunks.</summary>
/// <param name="By">"both", "fork", "session" or "unknown".</param>
/// <param name="First">The first one.</param>
/// <param name="Last">The last one.</param>
internal sealed record ForkRangeReply(string By, long First, long Last);
