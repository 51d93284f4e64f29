namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>A fork that nobody has decided about, for who asks how the pod is.</summary>
/// <param name="Session">The session's name, or its handle while locked.</param>
/// <param name="Name">The fork's.</param>
/// <param name="Host">The host that left it, for a person.</param>
/// <param name="Time">When it was made, by that host's clock.</param>
internal sealed record OpenForkReply(string Session, string Name, string Host, DateTimeOffset Time)
{
    /// <summary>What is said of it.</summary>
    internal string Notice => $"session {Session} has a fork left behind by {Host} at {Time:yyyy-MM-dd HH:mm:ss}: podkeeper forks DIR {Session}";
}
