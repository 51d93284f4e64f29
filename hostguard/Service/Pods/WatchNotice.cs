namespace VmPod.HostGuard.Pods;

/// <summary>One thing that hostguard watch saw or did.</summary>
/// <param name="Time">When.</param>
/// <param name="Event">"watching", "link-up", "pod-seen", "pod-gone", "residue", "failed" or "paused".</param>
/// <param name="Pod">How the pod calls itself, where it is about one.</param>
/// <param name="Address">Where the pod is, or the interface of a link.</param>
/// <param name="Session">The session of a residue.</param>
/// <param name="State">What became of it, or why it failed.</param>
public sealed record WatchNotice(DateTimeOffset Time, string Event, string? Pod = null, string? Address = null, string? Session = null, string? State = null);
