using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using VmPod.Vault.Tests.Pods;
using Xunit;

namespace VmPod.Vault.Tests.Vmdk;

/// <summary>VMDKs of every sub-format, made by qemu-img, come back byte by byte; their disks lie on the grid of a flat image.</summary>
[Collection(PodsCollection.Name)]
public sealed class VmdkRoundTripTests
{
    private const long MiB = 1 << 20;

    [Theory]
    [InlineData("monolithicSparse", "disk.vmdk")]
    [InlineData("monolithicFlat", null)]
    [InlineData("twoGbMaxExtentSparse", "disk-s001.vmdk")]
    [InlineData("twoGbMaxExtentFlat", null)]
    [InlineData("streamOptimized", "disk.vmdk")]
    [Trait("Spec", "V-130")]
    [Trait("Spec", "V-132")]
    public void A_VMDK_of_every_sub_format_comes_back_byte_exact_and_has_the_chunks_of_a_flat_image(string subformat, string? container)
    {
        using var pod = new TestPod();
        // The disk's last grain is not whole.
        string raw = Path.Combine(pod.Root, "raw");
        QemuImage.WriteRaw(raw, 100 * MiB + 5 * 512);
        QemuImage.Convert(raw, pod.FileOf("disk.vmdk"), subformat);
        SnapshotWriter.Summary put = pod.Put();
        Assert.Empty(put.StoredWhole);
        FolderTree.AssertSame(pod.Source, pod.Get());

        using SessionReader reader = pod.Vault.OpenSession(TestPod.Session);
        StreamInfo disk = Assert.Single(reader.Streams, s => s.Kind == StreamKind.Disk);
        if (container is not null)
        {
            Assert.Equal(container + "/disk", disk.Name);
            StreamInfo layout = reader.Stream(container);
            Assert.Equal(StreamKind.Container, layout.Kind);
            TestContext.Current.TestOutputHelper?.WriteLine($"{subformat}: layout of {layout.Length} bytes");
            Assert.True(layout.Length < 4096, $"a layout of {layout.Length} bytes");
        }
        AssertIsDisk(raw, reader, disk);
    }

    // qemu-img rounds a disk's length up to a sector, and no more.
    private static void AssertIsDisk(string raw, SessionReader reader, StreamInfo disk)
    {
        using var file = File.OpenRead(raw);
        Assert.Equal(file.Length, disk.Length);
        byte[] expected = new byte[FormatLimits.ChunkBytes], chunk = new byte[FormatLimits.ChunkBytes];
        for (long number = 0; number < disk.ChunkCount; number++)
        {
            int length = disk.ChunkLength(number);
            file.ReadExactly(expected, 0, length);
            reader.ReadChunk(disk, number, chunk);
            Assert.True(expected.AsSpan(0, length).SequenceEqual(chunk.AsSpan(0, length)), $"chunk {number} is not that of the flat image");
        }
    }
}
