namespace VmPod.PodKeeper.Tests.Cuts;

/// <summary>A clock that stands still: a link beats once and never again, and nothing on it ends by time.</summary>
internal sealed class FrozenTime : TimeProvider
{
    internal static FrozenTime Instance { get; } = new();

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch;

    public override long GetTimestamp() => 1;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => new NoTimer();

    private sealed class NoTimer : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
