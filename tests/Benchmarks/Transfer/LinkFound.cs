namespace VmPod.Benchmarks.Transfer;

/// <summary>What one plain TCP stream was given by a link.</summary>
/// <param name="RoundTripMs">A byte there and back, with a connection that is open.</param>
/// <param name="UpMbit">To the pod, in Mbit/s of payload.</param>
/// <param name="DownMbit">From the pod.</param>
internal sealed record LinkFound(double RoundTripMs, double UpMbit, double DownMbit);
