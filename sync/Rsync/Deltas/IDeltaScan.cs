namespace VmPod.Sync.Rsync.Deltas;

/// <summary>A search that is fed with the new file.</summary>
internal interface IDeltaScan
{
    /// <summary>Where the next bytes of the new file go; never empty.</summary>
    Span<byte> Room();

    /// <summary>So many are there now.</summary>
    void Advance(int count);

    /// <summary>The file has no more.</summary>
    DeltaSummary End();
}
