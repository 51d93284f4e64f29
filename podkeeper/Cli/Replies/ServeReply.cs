namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>serve, once it answers.</summary>
/// <param name="Ready">True.</param>
/// <param name="Address">Where it listens.</param>
/// <param name="Vault">The vault's id.</param>
/// <param name="Unlocked">Whether it has the vault's keys.</param>
/// <param name="Pid">Its process id.</param>
/// <param name="Runtime">The folder of its control socket (VAULT.ctl) and address file (VAULT.address).</param>
internal sealed record ServeReply(bool Ready, string Address, string Vault, bool Unlocked, int Pid, string Runtime);
