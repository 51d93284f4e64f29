using VmPod.Vault.Format;

namespace VmPod.PodKeeper.Tests.Simulation;

/// <summary>The files of a simulated session: few, all of one length, each one chunk, so that a commit is one cell for each time that the host seals.</summary>
internal static class SimContent
{
    internal const int Files = 8, FileBytes = 1500, FilesOfOneBatch = 6;

    internal static IReadOnlyList<StreamInfo> Streams { get; } =
        [.. Enumerable.Range(1, Files).Select(n => new StreamInfo((uint)n, StreamKind.File, $"f{n}", FileBytes, 420, 0))];

    internal static ChunkKey KeyOf(int file) => new(Streams[file].Number, 0);

    /// <summary>The bytes of a content by its number, 0 for zeros.</summary>
    internal static byte[] Bytes(int number)
    {
        byte[] bytes = new byte[FileBytes];
        if (number != 0)
            SimRandom.Of(0x436F_6E74, (ulong)number).Fill(bytes);
        return bytes;
    }
}
