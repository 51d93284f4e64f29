using VmPod.Sync.Channel.Pairings;

namespace VmPod.PodKeeper.Pairings;

/// <summary>The screen in front of the pod's owner while a host is paired.</summary>
public interface IPairingScreen
{
    /// <summary>True if nobody sits there any more: pairing ends.</summary>
    bool IsGone { get; }

    /// <summary>Pairing is open.</summary>
    /// <param name="address">Where hosts reach it.</param>
    /// <param name="code">The code to show; null if digits will be compared. The pairing's own.</param>
    void Open(string address, PairingCode? code);

    /// <summary>Asks whether the host's screen shows the same digits.</summary>
    bool AreSame(int digits, CancellationToken timeUp);
}
