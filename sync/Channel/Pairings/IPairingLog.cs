namespace VmPod.Sync.Channel.Pairings;

/// <summary>Where a pod records every attempt to pair, durably, before it goes on. If it throws, nothing is paired.</summary>
public interface IPairingLog
{
    /// <summary>Records one event; returns when it is durable.</summary>
    void Record(PairingEvent entry);
}
