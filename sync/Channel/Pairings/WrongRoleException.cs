using VmPod.Foundation;

namespace VmPod.Sync.Channel.Pairings;

/// <summary>The pod was opened for a host and a pod came, or the other way round: neither keeps anything.</summary>
internal sealed class WrongRoleException(bool asMirror) : VmPodException(ExitCode.Refused,
    asMirror ? "The pod there was opened for a host, not for a mirror." : "The pod there was opened for the mirror of another pod, not for a host.",
    asMirror ? "There: podkeeper pair DIR --role mirror." : "There: podkeeper pair DIR, without --role mirror.");
