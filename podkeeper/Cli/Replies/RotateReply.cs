namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>rotate: the sessions that have a new epoch.</summary>
internal sealed record RotateReply(IReadOnlyList<RotateReply.Session> Sessions)
{
    /// <summary>A session.</summary>
    /// <param name="Handle">Its handle.</param>
    /// <param name="Name">Its name.</param>
    /// <param name="Epoch">The number of its new epoch.</param>
    /// <param name="LeaseIsOpen">A lease of it is open, and goes on under the key of the epoch before.</param>
    internal sealed record Session(string Handle, string? Name, uint Epoch, bool LeaseIsOpen);
}
