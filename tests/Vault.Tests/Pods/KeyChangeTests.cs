using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;
using VmPod.Vault.Sessions;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>Keys that change, and keys that go, while what they sealed stays where it is.</summary>
[Collection(PodsCollection.Name)]
public sealed class KeyChangeTests
{
    private const string Old = "correct horse", New = "battery staple";

    [Fact]
    [Trait("Spec", "V-184")]
    public void A_new_passphrase_opens_the_pod_the_old_one_does_not_and_nothing_is_sealed_anew()
    {
        using var pod = new TestPod();
        pod.Write("a", Data.Text(1, 200_000));
        pod.Put();
        long cells = pod.Vault.Store.CellCount, log = pod.Vault.Store.LogBytes;
        using (SecretBuffer secret = TestPod.Secret(New))
            pod.Vault.ChangeSecret(secret, 8 * 1024, hasKeyFile: false);
        Assert.Equal((cells, log), (pod.Vault.Store.CellCount, pod.Vault.Store.LogBytes));
        pod.Vault.Dispose();
        Assert.Equal((false, true), (Opens(pod.Folder, Old), Opens(pod.Folder, New)));
    }

    // What a crash can leave of the draft: nothing of it, a part, all of it. The rename is one step of the file system.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(60)]
    [InlineData(125)]
    [Trait("Spec", "V-184")]
    public void A_crash_while_the_passphrase_changes_leaves_the_old_one_and_it_can_be_changed_again(int bytes)
    {
        using var pod = new TestPod();
        File.WriteAllBytes(Path.Combine(pod.Folder, "v1/slots/passphrase.new"), Data.Random(1, bytes));
        pod.Vault.Dispose();
        Assert.Equal((true, false), (Opens(pod.Folder, Old), Opens(pod.Folder, New)));
        using PodVault vault = TestPod.Unlock(pod.Folder);
        using (SecretBuffer secret = TestPod.Secret(New))
            vault.ChangeSecret(secret, 8 * 1024, hasKeyFile: false);
        vault.Dispose();
        Assert.Equal((false, true), (Opens(pod.Folder, Old), Opens(pod.Folder, New)));
        Assert.Equal(["passphrase"], Directory.GetFiles(Path.Combine(pod.Folder, "v1/slots")).Select(Path.GetFileName));
    }

    [Fact]
    [Trait("Spec", "V-185")]
    public void A_slot_that_wants_a_key_file_says_so_and_opens_with_neither_secret_alone()
    {
        using var pod = new TestPod();
        string both = "short" + '\0' + new string('7', 64);
        using (SecretBuffer secret = TestPod.Secret(both))
            pod.Vault.ChangeSecret(secret, 8 * 1024, hasKeyFile: true);
        Assert.True(pod.Vault.AsksForKeyFile);
        pod.Vault.Dispose();
        Assert.Equal((false, false, false, true), (Opens(pod.Folder, Old), Opens(pod.Folder, "short"), Opens(pod.Folder, new string('7', 64)),
            Opens(pod.Folder, both)));
    }

    [Fact]
    [Trait("Spec", "V-186")]
    public void A_new_epoch_takes_no_cell_and_the_key_of_the_old_one_opens_no_lease_after_it()
    {
        using var pod = new TestPod();
        pod.Write("a", Data.Text(1, 200_000));
        pod.Put();
        pod.Write("a", Data.Text(2, 200_000));
        pod.Put();
        SessionHandle session = pod.Vault.FindSession(TestPod.Session).Handle;
        long cells = pod.Vault.Store.CellCount;
        Assert.Equal(1u, pod.Vault.Rotate(session));
        Assert.Equal(cells, pod.Vault.Store.CellCount);
        pod.Reopen();
        pod.Write("a", Data.Text(3, 200_000));
        pod.Put();
        Assert.Equal(2u, pod.Vault.Rotate(session));
        pod.Write("a", Data.Text(4, 200_000));
        pod.Put();

        List<LogEntry> log = [.. pod.Vault.Store.EnumerateLog(0).Select(h => pod.Vault.Store.ReadEntry(h.Offset))];
        EpochEntry[] epochs = [.. log.Where(e => e.Header.Type == LogEntryTypes.Epoch).Select(e => EpochEntry.TryRead(e.Payload.Span)!)];
        LeaseEntry[] leases = [.. log.Where(e => e.Header.Type == LogEntryTypes.Lease).Select(e => LeaseEntry.TryRead(e.Payload.Span)!)];
        Assert.Equal([0u, 1u, 2u], epochs.Select(e => e.Number));
        Assert.Equal(4, leases.Length);
        ulong[] offsets = [.. log.Where(e => e.Header.Type == LogEntryTypes.Epoch).Select(e => (ulong)e.Header.Offset)];
        Assert.Equal([offsets[0], offsets[0], offsets[1], offsets[2]], leases.Select(l => l.EpochOffset));
        // The attack works on what is before: who has the first epoch's key has its leases' keys. Behind the rotation he has none.
        using SessionKeys keys = pod.Vault.OpenKeys(session);
        SecretBuffer stolen = keys.Epoch(offsets[0])!;
        bool[] opened = [.. leases.Select(l => Unwraps(pod, stolen, l))];
        Assert.Equal([true, true, false, false], opened);
        FolderTree.AssertSame(pod.Source, pod.Get());
        for (ulong generation = 1; generation <= 4; generation++)
            Assert.Equal(Data.Text((int)generation, 200_000), File.ReadAllBytes(Path.Combine(pod.Get(generation), "a")));
        Assert.Empty(SalvageTests.DeepCheck(pod, 4));
    }

    // An older EPOCH entry that is put again, by who has the log key, does not come back into use: the number counts, not the place.
    [Fact]
    [Trait("Spec", "V-186")]
    public void An_old_epoch_that_is_put_again_changes_nothing()
    {
        using var pod = new TestPod();
        pod.Write("a", Data.Text(1, 20_000));
        pod.Put();
        SessionHandle session = pod.Vault.FindSession(TestPod.Session).Handle;
        pod.Vault.Rotate(session);
        LogEntryHeader first = pod.Vault.Store.EnumerateLog(0).First(h => h.Type == LogEntryTypes.Epoch);
        ReadOnlyMemory<byte> old = pod.Vault.Store.ReadEntry(first.Offset).Payload;
        pod.Vault.Store.Commit([new PendingEntry(LogEntryTypes.Epoch, old)], context =>
            new HeadDraft(0, context.Previous!.TimeMs, context.Previous.Sessions));
        pod.Put();
        LogEntryHeader lease = pod.Vault.Store.EnumerateLog(0).Last(h => h.Type == LogEntryTypes.Lease);
        ulong used = LeaseEntry.TryRead(pod.Vault.Store.ReadEntry(lease.Offset).Payload.Span)!.EpochOffset;
        Assert.Equal(1u, EpochEntry.TryRead(pod.Vault.Store.ReadEntry((long)used).Payload.Span)!.Number);
        File.Delete(Path.Combine(pod.Folder, "v1/logindex"));
        pod.Reopen();
        Assert.Equal(2u, pod.Vault.Rotate(session));
    }

    // Every prefix of the steps is a state that a crash can leave.
    [Fact]
    [Trait("Spec", "V-187")]
    public void After_a_crash_anywhere_in_a_shredding_the_passphrase_works_or_nothing_does()
    {
        string[] steps = ["v1/nv/shred", "v1/nv/device", "v1/slots/passphrase", "v1/slots", "v1/homes/x/key", "v1/homes", "v1/nv/log", "v1/nv"];
        for (int done = 0; done <= steps.Length; done++)
        {
            using var pod = new TestPod();
            pod.Write("a", Data.Text(1, 20_000));
            pod.Put();
            Directory.CreateDirectory(Path.Combine(pod.Folder, "v1/homes/x"));
            File.WriteAllBytes(Path.Combine(pod.Folder, "v1/homes/x/key"), new byte[68]);
            pod.Vault.Dispose();
            // The attack works: before, the passphrase opens it.
            Assert.True(Opens(pod.Folder, Old));
            foreach (string step in steps[..done])
            {
                string path = Path.Combine(pod.Folder, step);
                if (Directory.Exists(path))
                    Directory.Delete(path, recursive: true);
                else
                    File.Delete(path);
            }
            Assert.Equal(done == 0, Opens(pod.Folder, Old));
            // It goes on from there, and ends as one that was not cut short.
            PodVault.ShredKeys(pod.Folder);
            PodVault.ShredLogKey(pod.Folder);
            Assert.False(Directory.Exists(Path.Combine(pod.Folder, "v1/nv")) || Directory.Exists(Path.Combine(pod.Folder, "v1/slots"))
                || Directory.Exists(Path.Combine(pod.Folder, "v1/homes")));
            Assert.False(Opens(pod.Folder, Old));
            using PodVault copy = PodVault.Open(pod.Folder, StoreAccess.Read, TimeProvider.System);
            Assert.True(copy.Verify(null, TestContext.Current.CancellationToken).IsSound);
        }
    }

    private static bool Unwraps(TestPod pod, SecretBuffer epoch, LeaseEntry lease)
    {
        using SecretBuffer? key = KeyWrap.TryUnwrap(epoch, lease.WrappedKey, EpochEntry.LeaseKeyLabel, pod.Vault.Descriptor.VaultId,
            EpochEntry.LeaseContext(lease.Session, lease.Term));
        return key is not null;
    }

    private static bool Opens(string folder, string passphrase)
    {
        try
        {
            using PodVault vault = PodVault.Open(folder, StoreAccess.Read, TimeProvider.System);
            using SecretBuffer secret = TestPod.Secret(passphrase);
            return vault.TryUnlock(secret);
        }
        catch (VmPodException)
        {
            return false;
        }
    }
}
