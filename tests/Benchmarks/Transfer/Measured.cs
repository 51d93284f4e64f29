using VmPod.Testing;

namespace VmPod.Benchmarks.Transfer;

/// <summary>One time.</summary>
/// <param name="Tool">Who.</param>
/// <param name="Step">What.</param>
/// <param name="Link">Over which link.</param>
/// <param name="Seconds">How long.</param>
/// <param name="WireBytes">Bytes on the link in the direction that counts, headers and all.</param>
/// <param name="How">What kind of figure it is.</param>
internal sealed record Measured(string Tool, TransferStep Step, LinkShape Link, double Seconds, long WireBytes, MeasuredHow How)
{
    /// <summary>What the link alone would take: bytes by its rate as it was found, and the round trips that nothing saves.</summary>
    public double Predicted(LinkFound found, bool isOurs) =>
        WireBytes * 8 / 1e6 / (TransferSteps.IsToPod(Step) ? found.UpMbit : found.DownMbit) + TransferSteps.RoundTrips(Step, isOurs) * found.RoundTripMs / 1000;
}
