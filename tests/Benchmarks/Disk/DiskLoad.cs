namespace VmPod.Benchmarks.Disk;

/// <summary>What qemu-img bench does to a disk.</summary>
/// <param name="Name">For the table.</param>
/// <param name="Bytes">Of one request.</param>
/// <param name="Step">From the start of one to the start of the next; at the disk's end it begins again.</param>
/// <param name="Depth">Requests at a time.</param>
/// <param name="Count">Requests in all.</param>
/// <param name="IsWrite">Writes in place of reads.</param>
internal sealed record DiskLoad(string Name, int Bytes, int Step, int Depth, int Count, bool IsWrite = false);
