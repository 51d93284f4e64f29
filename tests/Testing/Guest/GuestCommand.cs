namespace VmPod.Testing;

/// <summary>A shell command that ran in the guest.</summary>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Output">The end of its stdout and stderr.</param>
/// <param name="Seconds">How long it took on the guest's clock.</param>
public sealed record GuestCommand(int ExitCode, string Output, double Seconds);
