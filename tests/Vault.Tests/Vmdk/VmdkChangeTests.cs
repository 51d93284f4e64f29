using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using VmPod.Vault.Tests.Pods;
using Xunit;

namespace VmPod.Vault.Tests.Vmdk;

/// <summary>What a change of a VMDK costs, and what is done with one that changes in the wrong moment, or becomes another kind of file.</summary>
[Collection(PodsCollection.Name)]
public sealed class VmdkChangeTests
{
    private const long MiB = 1 << 20;

    [Theory]
    [InlineData("monolithicSparse")]
    [InlineData("twoGbMaxExtentSparse")]
    [Trait("Spec", "V-130")]
    public void A_changed_grain_costs_a_few_cells_and_a_new_one_no_more(string subformat)
    {
        using var pod = new TestPod();
        string raw = Path.Combine(pod.Root, "raw"), vmdk = pod.FileOf("disk.vmdk");
        QemuImage.WriteRaw(raw, 64 * MiB);
        QemuImage.Convert(raw, vmdk, subformat);
        pod.Put();

        QemuImage.WriteInto(vmdk, 3 * QemuImage.Grain + 4096, 4096, 7);
        SnapshotWriter.Summary changed = pod.Put();
        string afterChange = pod.Keep("changed");
        Assert.True(changed.ChunksStored <= 3, $"{changed.ChunksStored} chunks for a changed grain");
        Assert.True(changed.CellsAdded <= 3, $"{changed.CellsAdded} cells for a changed grain");

        // Grains that had no place yet go to the file's end, and into both grain tables.
        QemuImage.WriteInto(vmdk, 30 * MiB, 4096, 9);
        QemuImage.WriteInto(vmdk, 12 * MiB, 4096, 9);
        SnapshotWriter.Summary added = pod.Put();
        Assert.True(added.ChunksStored <= 4, $"{added.ChunksStored} chunks for two new grains");
        Assert.True(added.CellsAdded <= 3, $"{added.CellsAdded} cells for two new grains");
        FolderTree.AssertSame(pod.Source, pod.Get());
        FolderTree.AssertSame(afterChange, pod.Get(generation: 2));
    }

    [Fact]
    [Trait("Spec", "V-131")]
    public void A_disk_written_in_no_order_takes_a_few_bytes_a_grain_in_its_layout()
    {
        using var pod = new TestPod();
        string raw = Path.Combine(pod.Root, "raw"), vmdk = pod.FileOf("disk.vmdk");
        using (File.Create(raw))
        {
        }
        FolderTree.Run("truncate", "-s", "512M", raw);
        QemuImage.Convert(raw, vmdk, "monolithicSparse");
        int[] grains = [.. Enumerable.Range(0, 8192)];
        new Random(1).Shuffle(grains);
        const int Written = 1000;
        List<string> commands = ["-f", "vmdk"];
        foreach (int grain in grains.Take(Written))
            commands.AddRange(["-c", $"write -P {grain % 255 + 1} {(long)grain * QemuImage.Grain} 4096"]);
        FolderTree.Run("qemu-io", [.. commands, vmdk]);
        pod.Put();
        FolderTree.AssertSame(pod.Source, pod.Get());
        using SessionReader reader = pod.Vault.OpenSession(TestPod.Session);
        long bytes = reader.Stream("disk.vmdk").Length;
        TestContext.Current.TestOutputHelper?.WriteLine($"{bytes} bytes for {Written} grains");
        Assert.True(bytes < 4 * Written + 1024, $"a layout of {bytes} bytes for {Written} grains");
    }

    [Fact]
    [Trait("Spec", "V-130")]
    public void A_plain_file_that_becomes_a_container_and_back_and_a_folder_is_read_in_every_generation()
    {
        using var pod = new TestPod();
        string raw = Path.Combine(pod.Root, "raw"), name = pod.FileOf("disk.vmdk");
        QemuImage.WriteRaw(raw, 32 * MiB);
        List<string> kept = [];
        foreach (string form in new[] { "plain", "monolithicSparse", "streamOptimized", "plain", "folder", "monolithicSparse" })
        {
            if (Directory.Exists(name))
                Directory.Delete(name, recursive: true);
            else
                File.Delete(name);
            if (form == "plain")
                pod.Write("disk.vmdk", Data.Text(1, 300_000));
            else if (form == "folder")
                pod.Write("disk.vmdk/disk", Data.Text(2, 300_000));
            else
                QemuImage.Convert(raw, name, form);
            pod.Put();
            kept.Add(pod.Keep($"{kept.Count}"));
        }
        for (int i = 0; i < kept.Count; i++)
            FolderTree.AssertSame(kept[i], pod.Get((ulong)(i + 1)));
    }

    [Theory]
    [InlineData("monolithicSparse")]
    [InlineData("streamOptimized")]
    public void A_VMDK_that_changes_while_it_is_read_is_refused(string subformat)
    {
        using var pod = new TestPod();
        string raw = Path.Combine(pod.Root, "raw"), vmdk = pod.FileOf("disk.vmdk");
        QemuImage.WriteRaw(raw, 32 * MiB);
        QemuImage.Convert(raw, vmdk, subformat);
        pod.Put();
        string before = pod.Keep("before");

        // In place, at the first report of progress: the length stays.
        bool wrote = false;
        var progress = new Told<TransferProgress>(_ =>
        {
            if (wrote)
                return;
            wrote = true;
            Data.WriteAt(vmdk, new FileInfo(vmdk).Length / 2, [1, 2, 3]);
        });
        VmPodException refused = Assert.Throws<VmPodException>(() => pod.Put(progress: progress));
        Assert.True(wrote);
        Assert.Equal(ExitCode.Usage, refused.ExitCode);
        FolderTree.AssertSame(before, pod.Get());
    }

    [Fact]
    public void Files_of_a_machine_have_their_kinds_and_disks_come_before_memory()
    {
        using var pod = new TestPod();
        string raw = Path.Combine(pod.Root, "raw");
        QemuImage.WriteRaw(raw, 32 * MiB);
        QemuImage.Convert(raw, pod.FileOf("z.vmdk"), "monolithicSparse");
        QemuImage.Convert(raw, pod.FileOf("y.vmdk"), "monolithicFlat");
        foreach (string name in new[] { "a.vmem", "a.vmss", "a.vmx", "a.nvram" })
            pod.Write(name, Data.Text(1, 100_000));
        pod.Put();
        FolderTree.AssertSame(pod.Source, pod.Get());
        using SessionReader reader = pod.Vault.OpenSession(TestPod.Session);
        Dictionary<string, StreamKind> kinds = reader.Streams.ToDictionary(s => s.Name, s => s.Kind);
        Assert.Equal(new Dictionary<string, StreamKind>
        {
            ["a.vmem"] = StreamKind.Memory,
            ["a.vmss"] = StreamKind.State,
            ["a.vmx"] = StreamKind.File,
            ["a.nvram"] = StreamKind.File,
            ["y.vmdk"] = StreamKind.File,
            ["y-flat.vmdk"] = StreamKind.Disk,
            ["z.vmdk"] = StreamKind.Container,
            ["z.vmdk/disk"] = StreamKind.Disk,
        }, kinds);
        uint memory = reader.Stream("a.vmem").Number;
        Assert.All(reader.Streams.Where(s => s.Kind == StreamKind.Disk), s => Assert.True(s.Number < memory));
    }
}
