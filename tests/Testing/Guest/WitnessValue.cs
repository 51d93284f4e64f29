namespace VmPod.Testing;

/// <summary>What the guest's witness says at one moment.</summary>
/// <param name="Steps">Steps of the hash chain, one each 20 ms.</param>
/// <param name="Hash">The chain's value after them, hexadecimal.</param>
/// <param name="MonotonicSeconds">The guest's monotonic clock. It stands still while the vCPUs are stopped.</param>
/// <param name="WallSeconds">The guest's wall clock, Unix time.</param>
/// <param name="Pid">Process id of the witness.</param>
public sealed record WitnessValue(long Steps, string Hash, double MonotonicSeconds, double WallSeconds, int Pid);
