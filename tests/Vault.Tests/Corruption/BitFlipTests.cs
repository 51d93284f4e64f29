using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Tests.Pods;
using Xunit;

namespace VmPod.Vault.Tests.Corruption;

/// <summary>Every single bit of a vault of more than a MiB flipped (SECURITY.md R3): a sample in each run, all of them with VMPOD_SOAK=61.</summary>
[Collection(PodsCollection.Name)]
[Trait("Threat", "T-02")]
public sealed class BitFlipTests(ITestOutputHelper output)
{
    private const int CellBytes = 16 * 1024;
    private const long VaultBytesMin = 1 << 20;

    [Fact]
    [Trait("Spec", "V-07")]
    [Trait("Spec", "V-08")]
    [Trait("Spec", "V-41")]
    public void A_flipped_bit_in_a_cell_changes_its_id_and_does_not_open_with_its_key()
    {
        using TestPod pod = Pod();
        SessionHandle session = pod.Vault.FindSession(TestPod.Session).Handle;
        using SessionKeys keys = pod.Vault.OpenKeys(session);
        byte[] segment = File.ReadAllBytes(Path.Combine(pod.Folder, "v1/segments/000000.seg"));
        Assert.True(segment.Length >= VaultBytesMin, $"{segment.Length} bytes");
        long flips = 0, keyless = 0, keyed = 0;
        int step = Soak.Step(61);
        Parallel.For(0, segment.Length / CellBytes, i =>
        {
            byte[] cell = segment.AsSpan(i * CellBytes, CellBytes).ToArray(), work = new byte[CellLayout.HeaderBytes + CellLayout.Capacity(CellBytes)];
            CellId id = CellId.Of(cell);
            Assert.True(Opens(keys, cell, work), "without a flip it opens");
            for (int bit = i % step; bit < CellBytes * 8; bit += step)
            {
                cell[bit / 8] ^= (byte)(1 << bit % 8);
                Interlocked.Increment(ref flips);
                if (CellId.Of(cell) != id)
                    Interlocked.Increment(ref keyless);
                if (!Opens(keys, cell, work) && work.AsSpan().IndexOfAnyExcept((byte)0) < 0)
                    Interlocked.Increment(ref keyed);
                cell[bit / 8] ^= (byte)(1 << bit % 8);
            }
        });
        output.WriteLine($"{flips} of {segment.LongLength * 8} bits of cells: {keyless} found without a key, {keyed} with");
        Assert.True(step > 1 || flips == segment.LongLength * 8);
        Assert.Equal((flips, flips), (keyless, keyed));
    }

    [Theory]
    [InlineData("v1/log", 61)]
    [InlineData("v1/slots.bin", 149)]
    [InlineData("vault.json", 7)]
    [Trait("Spec", "V-49")]
    [Trait("Spec", "V-53")]
    public void A_flipped_bit_beside_the_cells_is_found_or_changes_nothing(string file, int sample)
    {
        using TestPod pod = Pod();
        using SecretBuffer root = pod.Vault.CopyRoot();
        string path = Path.Combine(pod.Folder, file);
        string expected = pod.Keep("expected");
        pod.Vault.Dispose();
        byte[] bytes = File.ReadAllBytes(path);
        int step = Soak.Step(sample), found = 0, harmless = 0;
        for (int bit = 0; bit < bytes.Length * 8; bit += step)
        {
            bytes[bit / 8] ^= (byte)(1 << bit % 8);
            File.WriteAllBytes(path, bytes);
            bytes[bit / 8] ^= (byte)(1 << bit % 8);
            if (IsFound(pod.Folder, root, expected))
                found++;
            else
                harmless++;
        }
        output.WriteLine($"{file}: {found + harmless} of {bytes.Length * 8} bits: {found} found, {harmless} without effect");
        // One damaged slot costs nothing: the older counts for nothing, and the newer's head is taken from the log again. All else is signed.
        Assert.True(file == "v1/slots.bin" ? found == 0 : harmless == 0, $"{found} found, {harmless} harmless");
    }

    // True if something says so; and whatever is read is right. An exception that nobody declared ends the test.
    private static bool IsFound(string folder, SecretBuffer root, string expected)
    {
        try
        {
            using PodVault vault = PodVault.Open(folder, StoreAccess.Read, TimeProvider.System);
            bool isFound = vault.Store.NewestHeadLost || !vault.Store.IsLogSound(TestContext.Current.CancellationToken);
            vault.UnlockWithRoot(SecretBuffer.Create(root.Length, root, static (bytes, from) => from.ReadOnlyBytes.CopyTo(bytes)));
            using SessionReader reader = vault.OpenSession(TestPod.Session);
            // An older generation is one that says so by its number.
            if (reader.Record.Generation == 2)
            {
                using var memory = new LockedMemory(FormatLimits.ChunkBytes);
                foreach (StreamInfo stream in reader.Streams)
                {
                    Span<byte> first = memory.Slice(0, stream.ChunkLength(0));
                    reader.ReadChunk(stream, 0, first);
                    Assert.True(File.ReadAllBytes(Path.Combine(expected, stream.Name)).AsSpan(0, first.Length).SequenceEqual(first), "wrong plaintext");
                }
            }
            return isFound;
        }
        catch (VmPodException e)
        {
            Assert.True(e.ExitCode is ExitCode.Damaged or ExitCode.Refused or ExitCode.NotFound, e.ToString());
            return true;
        }
    }

    private static bool Opens(SessionKeys keys, byte[] cell, byte[] work)
    {
        if (CellHeader.TryRead(cell, out CellHeader header) && keys.Find(header.KeyId) is { } lease && CellCipher.TryOpen(lease, cell, work)
            && CellCipher.MacIsRight(lease, cell, work))
            return true;
        // As KeyedCellOpener: nothing is left of what did not open.
        work.AsSpan().Clear();
        return false;
    }

    private static TestPod Pod()
    {
        var pod = new TestPod(CellBytes);
        pod.Write("random", Data.Random(1, 900_000));
        pod.Write("text", Data.Text(1, 300_000));
        pod.Put();
        pod.Write("text", Data.Text(2, 300_000));
        pod.Put();
        return pod;
    }
}
