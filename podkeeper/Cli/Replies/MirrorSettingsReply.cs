namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>mirror without a destination: what a mirror keeps to.</summary>
/// <param name="Vault">The vault.</param>
/// <param name="ForgetDelayDays">How long it waits with what was forgotten.</param>
/// <param name="AlarmAt">When an older or another state was shown to it, if that lasts.</param>
internal sealed record MirrorSettingsReply(string Vault, double ForgetDelayDays, DateTimeOffset? AlarmAt);
