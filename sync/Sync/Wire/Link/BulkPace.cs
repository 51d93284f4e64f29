namespace VmPod.Sync.Wire;

/// <summary>Holds what a side sends to a rate (sync/SPEC.md, S-87): bulk frames wait for their turn, urgent ones go at once, and bulk makes up for
/// them.</summary>
/// <remarks>A schedule, not a bucket: a frame moves the time of the next bulk frame on by what it takes at this rate, and nothing is saved up while the link
/// is idle. So there is no burst beyond one frame.</remarks>
/// <param name="bytesPerSecond">The rate; null for none.</param>
/// <param name="time">The clock.</param>
internal sealed class BulkPace(long? bytesPerSecond, TimeProvider time)
{
    // Urgent frames faster than the rate must not keep bulk away for good: a commit is bulk.
    private static readonly TimeSpan DebtMax = TimeSpan.FromSeconds(1);

    private readonly long begun = time.GetTimestamp();
    private TimeSpan next;

    /// <summary>How long the next bulk frame has to wait.</summary>
    internal TimeSpan Wait => bytesPerSecond is null || next - Now is var left && left <= TimeSpan.Zero ? TimeSpan.Zero : left;

    private TimeSpan Now => time.GetElapsedTime(begun);

    /// <summary>A frame is sent.</summary>
    /// <param name="bytes">Its bytes.</param>
    /// <param name="urgent">It did not wait.</param>
    internal void Took(int bytes, bool urgent)
    {
        if (bytesPerSecond is not { } rate)
            return;
        TimeSpan now = Now, from = next > now ? next : now, to = from + TimeSpan.FromSeconds((double)bytes / rate);
        next = urgent && to > now + DebtMax ? (from > now + DebtMax ? from : now + DebtMax) : to;
    }
}
