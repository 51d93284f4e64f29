namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>init.</summary>
/// <param name="Vault">The vault's id.</param>
/// <param name="Folder">Where it is.</param>
/// <param name="CellBytes">Bytes of every cell.</param>
/// <param name="Suite">The cipher suite of its cells: 1 or 2.</param>
/// <param name="Recovery">Whether recovery words open it.</param>
/// <param name="WordsFile">The file that holds them; null if they were shown on the terminal, or there are none.</param>
internal sealed record InitReply(string Vault, string Folder, int CellBytes, int Suite, bool Recovery, string? WordsFile);
