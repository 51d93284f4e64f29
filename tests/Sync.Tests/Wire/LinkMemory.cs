using System.Collections.Concurrent;
using VmPod.Sync.Wire;

namespace VmPod.Sync.Tests.Wire;

/// <summary>Memory for links, used again: a link gives it back zeroed.</summary>
internal sealed class LinkMemory : IDisposable
{
    private static readonly ConcurrentBag<(byte[] Receive, byte[] Send)> Free = [];
    private readonly (byte[] Receive, byte[] Send) lent = Free.TryTake(out (byte[] Receive, byte[] Send) old)
        ? old : (new byte[WireLimits.PodReceiveBytes], new byte[WireLimits.SendBytes]);

    internal bool IsZero => lent.Receive.AsSpan().IndexOfAnyExcept((byte)0) < 0 && lent.Send.AsSpan().IndexOfAnyExcept((byte)0) < 0;

    internal WireOptions Options(Action<Exception>? bug = null, TimeSpan? silence = null, long? rate = null) => new()
    {
        ReceiveMemory = lent.Receive,
        SendMemory = lent.Send,
        Bug = bug,
        BulkBytesPerSecond = rate,
        SilenceTime = silence ?? WireLimits.SilenceTime,
    };

    public void Dispose() => Free.Add(lent);
}
