using System.Text;
using VmPod.Benchmarks.Data;
using VmPod.Secrets;
using VmPod.Vault;
using VmPod.Vault.Format;
using VmPod.Vault.Images;
using VmPod.Vault.Sessions;

namespace VmPod.Benchmarks.Open;

/// <summary>A pod with one disk, of which a number of chunks is used, spread evenly over its length.</summary>
/// <remarks>Each chunk holds 512 random bytes and zeros: what an opening costs depends on how many chunks there are, and 10 GiB of them would take minutes
/// to make.</remarks>
/// <param name="Folder">The pod's folder.</param>
/// <param name="DiskBytes">Length of the disk.</param>
/// <param name="Chunks">Chunks that are not zero.</param>
internal sealed record SparsePod(string Folder, long DiskBytes, int Chunks)
{
    /// <summary>The session.</summary>
    public const string Session = "bench";

    // What deriving a key takes is memory too, and not what is measured here: as little as a vault permits.
    private const int Argon2MemoryKiB = 8 * 1024;

    private const int RandomBytes = 512;
    private const long OverlayBytes = 256L << 20;

    /// <summary>The passphrase of a throwaway pod.</summary>
    public static SecretBuffer Passphrase() => SecretBuffer.Create(9, static bytes => Encoding.ASCII.GetBytes("benchmark", bytes));

    /// <summary>The number of a used chunk on the disk.</summary>
    public long ChunkNumber(int index) => (long)((Int128)index * (DiskBytes / FormatLimits.ChunkBytes) / Chunks);

    /// <summary>Makes it.</summary>
    public void Create()
    {
        using SecretBuffer passphrase = Passphrase();
        using PodVault vault = PodVault.Create(Folder, passphrase, new VaultOptions { Argon2MemoryKiB = Argon2MemoryKiB }, TimeProvider.System);
        using SessionLease lease = vault.BeginLease(Session, create: true, host: 1);
        using var image = new SessionImage(lease, new SessionImageOptions { OverlayBytes = OverlayBytes });
        StreamInfo disk = image.SetStream("disk", StreamKind.Disk, DiskBytes);
        var random = new SplitMix(13);
        byte[] bytes = new byte[RandomBytes];
        for (int i = 0; i < Chunks; i++)
        {
            random.Fill(bytes);
            image.Write(disk.Number, ChunkNumber(i) * FormatLimits.ChunkBytes, bytes);
        }
        _ = image.Commit(GenerationKind.DiskOnly, "benchmark", close: true);
    }
}
