namespace VmPod.Benchmarks.Transfer;

/// <summary>Another program that moves a session's files over a link, between a host and a pod that it has filled once without the link.</summary>
internal interface ITransferPeer
{
    /// <summary>Its name.</summary>
    string Name { get; }

    /// <summary>Its version and settings.</summary>
    string Version { get; }

    /// <summary>Puts a first generation on the pod, without the link, and whatever it remembers of that on the host. Done once; each round has
    /// a copy.</summary>
    /// <param name="place">Empty folders.</param>
    /// <param name="live">The folder that has the generation's files.</param>
    void Fill(TransferPlace place, string live);

    /// <summary>To the pod: a disk that it has not seen.</summary>
    TransferCommand FirstSync(TransferPlace place, string disk);

    /// <summary>To the pod: the next generation, which now stands in the same folder.</summary>
    TransferCommand? LightSync(TransferPlace place, string live);

    /// <summary>From the pod: all files of the first generation, into an empty folder.</summary>
    TransferCommand FullCopy(TransferPlace place, string live, string into);
}
