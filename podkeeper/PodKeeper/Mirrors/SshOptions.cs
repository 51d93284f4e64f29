namespace VmPod.PodKeeper.Mirrors;

/// <summary>How another machine is reached.</summary>
/// <param name="Ssh">The program, and arguments before ours.</param>
/// <param name="RemoteCommand">podkeeper there, as its shell finds it.</param>
public sealed record SshOptions(IReadOnlyList<string> Ssh, string RemoteCommand);
