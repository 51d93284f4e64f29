using VmPod.Vault.Format;

namespace VmPod.PodKeeper;

/// <summary>Chunks that do not open or decode.</summary>
/// <param name="Session">The session.</param>
/// <param name="Generation">Its generation; a fork's own number, if it is one.</param>
/// <param name="File">The file's name; null if the generation itself does not open, or it is about its tables.</param>
/// <param name="Chunk">Number of the first chunk in the file; null likewise.</param>
/// <param name="What">What is wrong.</param>
/// <param name="Fork">The fork's name; null for a generation.</param>
/// <param name="Last">Number of the last chunk; null likewise.</param>
/// <param name="Cells">The cells that are to blame.</param>
public sealed record DamagedChunk(SessionHandle Session, ulong Generation, string? File, long? Chunk, string What, string? Fork, long? Last,
    IReadOnlyList<CellId> Cells);
