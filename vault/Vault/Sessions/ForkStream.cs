namespace VmPod.Vault.Sessions;

/// <summary>Which side of a fork has written a chunk since the two were one.</summary>
public enum ForkSide
{
    /// <summary>Both, and not the same: one of the two is lost whichever is kept.</summary>
    Both,

    /// <summary>The fork alone.</summary>
    Fork,

    /// <summary>The session alone.</summary>
    Session,

    /// <summary>They differ, and what they had in common is not there any more to say who wrote it.</summary>
    Unknown,
}

/// <summary>Neighbouring chunks that one side, or both, have written.</summary>
/// <param name="Side">Which.</param>
/// <param name="First">The first chunk.</param>
/// <param name="Last">The last one.</param>
public sealed record ForkRange(ForkSide Side, long First, long Last);

/// <summary>A file in which a fork and its session differ.</summary>
/// <param name="Name">Its name.</param>
/// <param name="ForkLength">Its bytes in the fork; null if it is not there.</param>
/// <param name="HeadLength">Its bytes in the session; null if it is not there.</param>
/// <param name="Fork">Chunks that the fork alone has written.</param>
/// <param name="Session">Chunks that the session alone has written.</param>
/// <param name="Both">Chunks that both have written, and that are not the same.</param>
/// <param name="Unknown">Chunks that differ, where nothing tells who wrote them.</param>
/// <param name="Ranges">Some of them: those of both first.</param>
public sealed record ForkStream(string Name, long? ForkLength, long? HeadLength, long Fork, long Session, long Both, long Unknown,
    IReadOnlyList<ForkRange> Ranges);

/// <summary>In which files a fork and its session differ.</summary>
/// <param name="Streams">Those files, by name.</param>
/// <param name="HasAncestor">False if what both go on from is not there any more.</param>
/// <param name="IsUpperBound">True if too many chunks were stored anew to compare them all: those that were not count as different.</param>
public sealed record ForkContents(IReadOnlyList<ForkStream> Streams, bool HasAncestor, bool IsUpperBound);
