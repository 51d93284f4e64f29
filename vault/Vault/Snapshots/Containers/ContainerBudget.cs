namespace VmPod.Vault.Snapshots.Containers;

/// <summary>What the files of one put may still keep in memory to be taken apart: a folder may hold thousands of them.</summary>
internal sealed class ContainerBudget
{
    /// <summary>Runs of grains.</summary>
    public int Placements { get; private set; } = ContainerLimits.PlacementsMax;

    /// <summary>Bytes of programs.</summary>
    public int ProgramBytes { get; private set; } = ContainerLimits.ProgramBytesMax;

    /// <summary>Takes what a file needs.</summary>
    public void Take(int placements, int programBytes)
    {
        Placements -= placements;
        ProgramBytes -= programBytes;
    }
}
