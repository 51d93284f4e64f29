namespace VmPod.PodKeeper.Tests.Serving;

/// <summary>The machine's clock, of which a test can let a while pass.</summary>
internal sealed class ShiftedTime : TimeProvider
{
    internal TimeSpan Shift { get; set; }

    public override long GetTimestamp() => base.GetTimestamp() + (long)(Shift.TotalSeconds * TimestampFrequency);
}
