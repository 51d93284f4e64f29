namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>words.</summary>
/// <param name="Vault">The vault's id.</param>
/// <param name="WordsFile">The file that holds them; null if they were shown on the terminal.</param>
internal sealed record WordsReply(string Vault, string? WordsFile);
