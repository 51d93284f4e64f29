using System.Buffers.Binary;
using System.IO.Compression;
using CsCheck;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using VmPod.Vault.Snapshots.Containers;
using VmPod.Vault.Tests.Pods;
using Xunit;

namespace VmPod.Vault.Tests.Vmdk;

/// <summary>VMDKs of strangers: whatever their headers and tables say, they come back byte by byte, soon, and without much memory.</summary>
[Collection(PodsCollection.Name)]
public sealed class HostileVmdkTests
{
    private const long MiB = 1 << 20;

    // Where header, directories and tables of qemu-img's files are.
    private const int MetadataBytes = 64 * 1024;

    [Theory]
    [InlineData("monolithicSparse")]
    [InlineData("streamOptimized")]
    [Trait("Spec", "V-136")]
    public void A_VMDK_with_changed_metadata_or_cut_off_comes_back_byte_exact(string subformat)
    {
        using var pod = new TestPod();
        byte[] good = Small(pod, subformat);
        int apart = 0, whole = 0;
        Gen.Select(Gen.Int[0, MetadataBytes - 1], Gen.Byte, Gen.Bool).Array[1, 6].SelectMany(changes =>
            Gen.Select(Gen.Const(changes), Gen.Int[0, 4], Gen.Int[0, good.Length])).Sample((changes, cut, length) =>
            {
                byte[] bad = [.. good.AsSpan(0, cut == 0 ? length : good.Length)];
                foreach ((int place, byte value, bool inHeader) in changes)
                {
                    // Half of the changes hit the few bytes of the header.
                    int at = inHeader ? place % 80 : place;
                    if (at < bad.Length)
                        bad[at] = value;
                }
                if (Same(pod, bad))
                    apart++;
                else
                    whole++;
            }, iter: 60, threads: 1);
        TestContext.Current.TestOutputHelper?.WriteLine($"{subformat}: {apart} taken apart, {whole} stored whole");
        Assert.True(apart > 0 && whole > 0);
    }

    [Fact]
    [Trait("Spec", "V-136")]
    public void Tables_that_point_into_each_other_or_all_to_one_place_come_back_byte_exact()
    {
        using var pod = new TestPod();
        byte[] good = Small(pod, "monolithicSparse");
        int directory = (int)BinaryPrimitives.ReadUInt64LittleEndian(good.AsSpan(56)) * 512;
        uint table = BinaryPrimitives.ReadUInt32LittleEndian(good.AsSpan(directory));
        foreach (Func<int, uint> entry in new Func<int, uint>[]
        {
            // All grains at one place; each overlaps the next; at the tables, at the header, beyond the end; the same table again.
            _ => 128, i => (uint)(128 + i), _ => table, _ => 2, _ => uint.MaxValue, i => (uint)(good.Length / 512 - i),
        })
        {
            byte[] bad = [.. good];
            for (int i = 0; i < 512; i++)
                BinaryPrimitives.WriteUInt32LittleEndian(bad.AsSpan((int)table * 512 + i * 4), entry(i));
            _ = Same(pod, bad);
        }
        byte[] loop = [.. good];
        // The directory is its own table, and the tables of a disk of 8 TiB are all the same one.
        BinaryPrimitives.WriteUInt32LittleEndian(loop.AsSpan(directory), (uint)directory / 512);
        _ = Same(pod, loop);
    }

    [Fact]
    [Trait("Spec", "V-136")]
    public void A_huge_disk_whose_tables_are_all_the_same_is_stored_soon_and_without_much_memory()
    {
        using var pod = new TestPod();
        byte[] good = Small(pod, "monolithicSparse");
        BinaryPrimitives.WriteUInt64LittleEndian(good.AsSpan(12), (ulong)ContainerLimits.TablesMax * 512 * 128);
        uint end = (uint)(good.Length / 512);
        BinaryPrimitives.WriteUInt64LittleEndian(good.AsSpan(56), end);
        byte[] directory = new byte[ContainerLimits.TablesMax * 4], table = new byte[2048];
        for (int i = 0; i < ContainerLimits.TablesMax; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(directory.AsSpan(i * 4), end + (uint)directory.Length / 512);
        for (int i = 0; i < 512; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(i * 4), (uint)(128 + i * 2));
        long before = GC.GetTotalMemory(forceFullCollection: true);
        Assert.False(Same(pod, [.. good, .. directory, .. table]));
        Assert.True(GC.GetTotalMemory(forceFullCollection: false) - before < 256 * MiB);
    }

    [Fact]
    [Trait("Spec", "V-130")]
    public void A_disk_of_2_TiB_with_a_few_grains_takes_a_few_cells()
    {
        using var pod = new TestPod();
        string vmdk = pod.FileOf("disk.vmdk");
        FolderTree.Run("qemu-img", "create", "-f", "vmdk", vmdk, "2040G");
        QemuImage.WriteInto(vmdk, 0, 4096, 1);
        QemuImage.WriteInto(vmdk, 1L << 40, 4096, 2);
        QemuImage.WriteInto(vmdk, (2040L << 30) - 4096, 4096, 3);
        SnapshotWriter.Summary put = pod.Put();
        Assert.Empty(put.StoredWhole);
        Assert.True(put.CellsAdded <= 5, $"{put.CellsAdded} cells");
        FolderTree.AssertSame(pod.Source, pod.Get());
        using SessionReader reader = pod.Vault.OpenSession(TestPod.Session);
        Assert.Equal(2040L << 30, reader.Stream("disk.vmdk/disk").Length);
    }

    [Fact]
    [Trait("Spec", "V-135")]
    public void Grains_that_zlib_did_not_make_stay_as_they_are()
    {
        using var pod = new TestPod();
        byte[] good = Small(pod, "streamOptimized");
        // The first grain is deflated anew by the runtime's zlib-ng, in its place: as good for a machine, and other bytes.
        int directory = (int)BinaryPrimitives.ReadUInt64LittleEndian(good.AsSpan(56)) * 512;
        int table = (int)BinaryPrimitives.ReadUInt32LittleEndian(good.AsSpan(directory)) * 512;
        int[] places = [.. Enumerable.Range(0, 512).Select(i => BinaryPrimitives.ReadInt32LittleEndian(good.AsSpan(table + i * 4)) * 512).Where(p => p > 512)];
        int changed = 0;
        foreach (int place in places)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(good.AsSpan(place + 8));
            using var plain = new MemoryStream();
            using (var inflater = new ZLibStream(new MemoryStream(good, place + 12, length), CompressionMode.Decompress))
                inflater.CopyTo(plain);
            using var again = new MemoryStream();
            using (var deflater = new ZLibStream(again, CompressionLevel.SmallestSize, leaveOpen: true))
                deflater.Write(plain.ToArray());
            if (again.Length > length || again.ToArray().AsSpan().SequenceEqual(good.AsSpan(place + 12, (int)again.Length)))
                continue;
            good.AsSpan(place + 12, length).Clear();
            again.ToArray().CopyTo(good, place + 12);
            BinaryPrimitives.WriteInt32LittleEndian(good.AsSpan(place + 8), (int)again.Length);
            if (++changed == 3)
                break;
        }
        Assert.Equal(3, changed);
        Assert.True(Same(pod, good));
        using SessionReader reader = pod.Vault.OpenSession(TestPod.Session);
        Assert.True(reader.Stream("disk.vmdk").Length > 3000);
    }

    private static byte[] Small(TestPod pod, string subformat)
    {
        string raw = Path.Combine(pod.Root, "raw"), vmdk = Path.Combine(pod.Root, "good.vmdk");
        QemuImage.WriteRaw(raw, 24 * MiB);
        QemuImage.Convert(raw, vmdk, subformat);
        return File.ReadAllBytes(vmdk);
    }

    // True if it was taken apart.
    private static bool Same(TestPod pod, byte[] bytes)
    {
        pod.Write("disk.vmdk", bytes);
        var watch = System.Diagnostics.Stopwatch.StartNew();
        pod.Put();
        string got = pod.Get();
        Assert.True(watch.Elapsed < TimeSpan.FromMinutes(15), $"put and get took {watch.Elapsed}");
        FolderTree.AssertSameBytes(pod.FileOf("disk.vmdk"), Path.Combine(got, "disk.vmdk"));
        Directory.Delete(got, recursive: true);
        using SessionReader reader = pod.Vault.OpenSession(TestPod.Session);
        return reader.Stream("disk.vmdk").Kind == StreamKind.Container;
    }
}
