namespace VmPod.Sync.Wire;

/// <summary>What a link needs from its owner.</summary>
public sealed class WireOptions
{
    /// <summary>Memory for frames that come: <see cref="WireLimits.HostReceiveBytes"/> or <see cref="WireLimits.PodReceiveBytes"/>. Keys pass through it:
    /// locked memory in the product. The link's alone until it is disposed, which zeroes it.</summary>
    public required Memory<byte> ReceiveMemory { get; init; }

    /// <summary>Memory for frames that go: <see cref="WireLimits.SendBytes"/>. As <see cref="ReceiveMemory"/>.</summary>
    public required Memory<byte> SendMemory { get; init; }

    /// <summary>Breaks the connection under the stream at once (shuts the socket down), from any thread, so that a blocked read or write returns.
    /// Null: the stream is disposed, which is enough for a socket's own stream.</summary>
    public Action? Cut { get; init; }

    /// <summary>Told of exceptions of a handler that are bugs; null for nobody.</summary>
    public Action<Exception>? Bug { get; init; }

    /// <summary>Of a pod: what all its links share for the ids of their commits.</summary>
    public IdBudget SharedIds { get; init; } = new(WireLimits.SharedIdBytes);

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>What this side sends at most, in bytes a second, of at least <see cref="WireLimits.BulkRateMin"/>: bulk waits for it (S-87). Null for as fast
    /// as it goes.</summary>
    public long? BulkBytesPerSecond { get; init; }

    /// <summary>Ends the link after so long a silence; a host's policy acts earlier, by <see cref="WireLink.SilentFor"/>.</summary>
    public TimeSpan SilenceTime { get; init; } = WireLimits.SilenceTime;
}
