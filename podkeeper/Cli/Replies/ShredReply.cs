namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>shred.</summary>
/// <param name="Vault">The vault's id.</param>
/// <param name="Shredded">It was done; else it was only said what would be.</param>
/// <param name="RecoveryWords">Recovery words survive: they open this pod and every copy.</param>
/// <param name="HomeHosts">Home hosts whose own keys survive.</param>
/// <param name="Tpm">The pod's secrets were in a TPM, which really forgets; else in files, which a disk may keep.</param>
internal sealed record ShredReply(string Vault, bool Shredded, bool RecoveryWords, int HomeHosts, bool Tpm);
