namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>passphrase. KeyFile: the pod wants a key file as well.</summary>
internal sealed record PassphraseReply(string Vault, bool KeyFile);
