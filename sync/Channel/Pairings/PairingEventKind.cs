namespace VmPod.Sync.Channel.Pairings;

/// <summary>What can happen at a pod that is open for pairing.</summary>
public enum PairingEventKind
{
    /// <summary>The owner opened it.</summary>
    Opened = 1,

    /// <summary>Somebody connected and is about to be answered: one try is used.</summary>
    Attempt = 2,

    /// <summary>The attempt failed: wrong or replayed secret, different digits, bytes that are no pairing.</summary>
    Refused = 3,

    /// <summary>The attempt was cut off or too slow.</summary>
    Lost = 4,

    /// <summary>Host and pod are paired; recorded before the pairing is handed out.</summary>
    Paired = 5,

    /// <summary>Somebody connected when it was closed already: after success, after three tries, or too late.</summary>
    Late = 6,
}
