using VmPod.Vault.Format;

namespace VmPod.Vault.Sessions;

/// <summary>A fork that became a session of its own.</summary>
/// <param name="Session">The new session.</param>
/// <param name="Name">Its name.</param>
/// <param name="Record">Its first commit.</param>
/// <param name="CellsAdded">Cells written for it.</param>
public sealed record KeptFork(SessionHandle Session, string Name, CommitRecord Record, long CellsAdded);
