namespace VmPod.Sync.Channel.Pairings;

/// <summary>One event for the audit log. Holds no secret and no address.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Way">By code or by digits.</param>
/// <param name="Role">What the host is to become.</param>
/// <param name="TriesLeft">Attempts that are left after this event.</param>
/// <param name="PairingId">The pairing, at <see cref="PairingEventKind.Paired"/>; else null.</param>
public readonly record struct PairingEvent(PairingEventKind Kind, PairingWay Way, HostRole Role, int TriesLeft, UInt128? PairingId = null);
