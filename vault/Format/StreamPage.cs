namespace VmPod.Vault.Format;

/// <summary>A page of a stream.</summary>
/// <param name="Stream">The stream's number.</param>
/// <param name="Page">The page's number in it, from 0.</param>
public readonly record struct StreamPage(uint Stream, ulong Page)
{
    /// <summary>The chunk in which it stands.</summary>
    public ChunkKey Chunk => new(Stream, Page / PageTable.PagesMax);

    /// <summary>Its number in that chunk.</summary>
    public int InChunk => (int)(Page % PageTable.PagesMax);
}
