using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.House;
using VmPod.Vault.Keys;
using VmPod.Vault.Sessions;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>The cache of FORGETs whose signatures were looked at: what it saves, and what it cannot be made to say.</summary>
[Collection(PodsCollection.Name)]
public sealed class CheckedForgetsTests
{
    [Fact]
    [Trait("Spec", "V-171")]
    [Trait("Threat", "T-13")]
    public void A_forgetting_that_the_owner_did_not_sign_is_not_believed_from_a_cache_either()
    {
        using TestPod pod = TwoPuts();
        SessionHandle session = pod.Vault.FindSession(TestPod.Session).Handle;
        GenerationInfo first = pod.Vault.ListGenerations(session)[0];
        using SecretBuffer seed = SecretBuffer.Random(32), thiefs = SecretBuffer.Random(32), own = KeyOf(pod);
        using SigningKey thief = SigningKey.FromSeed(seed);
        ForgetEntry forged = ForgetEntry.Create(session, first.Offset, first.Hash, 1, thief, pod.Vault.Descriptor.VaultId);
        // The log key works while the pod is locked: its thief can append, and write any file.
        pod.Vault.Store.Commit([new PendingEntry(LogEntryTypes.Forget, forged.ToBytes())], c => new HeadDraft(0, 1, c.Previous!.Sessions));
        Digest hash = DomainHash.OfEntry(LogEntryTypes.Forget, forged.ToBytes());
        byte[] owner = pod.Vault.OwnerPublicKey!;

        // What is under the vault's key is believed: without the MAC the thief would have it.
        WriteCache(pod, own, owner, hash);
        Assert.Single(Generations(pod));
        WriteCache(pod, thiefs, owner, hash);
        Assert.Equal(2, Generations(pod).Count);
        // Of another owner: a vault that was shredded and begun anew keeps its folder, say.
        WriteCache(pod, own, thief.PublicKey, hash);
        Assert.Equal(2, Generations(pod).Count);
    }

    [Fact]
    [Trait("Spec", "V-171")]
    public void A_cache_of_which_any_byte_was_changed_lost_or_added_says_nothing()
    {
        using TestPod pod = TwoPuts();
        using SecretBuffer own = KeyOf(pod);
        byte[] owner = pod.Vault.OwnerPublicKey!;
        Digest hash = DomainHash.OfEntry(LogEntryTypes.Forget, "any"u8);
        WriteCache(pod, own, owner, hash);
        byte[] good = File.ReadAllBytes(FileOf(pod));
        Assert.True(Says(good));
        for (int i = 0; i < good.Length; i++)
        {
            byte[] changed = [.. good];
            changed[i] ^= 1;
            Assert.False(Says(changed), $"byte {i}");
            Assert.False(Says(good[..i]), $"{i} bytes");
        }
        Assert.False(Says([.. good, 0]));
        Assert.False(Says([.. good, .. new byte[Digest.Size]]));

        bool Says(byte[] bytes)
        {
            File.WriteAllBytes(FileOf(pod), bytes);
            var cache = new CheckedForgets(FileOf(pod), pod.Vault.Descriptor.VaultId);
            cache.Load(own, owner);
            return cache.Has(hash, owner);
        }
    }

    [Fact]
    [Trait("Spec", "V-171")]
    public void What_one_command_looked_at_the_next_does_not_look_at_again_and_a_lost_cache_loses_nothing()
    {
        using TestPod pod = TwoPuts();
        SessionHandle session = pod.Vault.FindSession(TestPod.Session).Handle;
        GenerationInfo first = pod.Vault.ListGenerations(session)[0];
        pod.Vault.Forget(pod.Vault.PlanForget(TestPod.Session, [1], []));
        pod.Reopen();
        Assert.Single(Generations(pod));
        pod.Vault.Dispose();
        var cache = new CheckedForgets(FileOf(pod), pod.Vault.Descriptor.VaultId);
        pod.Reopen();
        using SecretBuffer own = KeyOf(pod);
        byte[] owner = pod.Vault.OwnerPublicKey!;
        cache.Load(own, owner);
        LogEntry entry = pod.Vault.Store.WalkLog(0).SelectMany(g => g.Entries).Where(f => f.Header.Type == LogEntryTypes.Forget)
            .Select(f => pod.Vault.Store.ReadEntry(f.Header.Offset)).Single();
        Assert.Equal(first.Hash, ForgetEntry.TryRead(entry.Payload.Span)!.CommitHash);
        Assert.True(cache.Has(entry.Hash, owner));
        File.Delete(FileOf(pod));
        pod.Reopen();
        Assert.Equal(2UL, Assert.Single(Generations(pod)).Record.Generation);
    }

    private static TestPod TwoPuts()
    {
        var pod = new TestPod(16 * 1024);
        for (int i = 1; i <= 2; i++)
        {
            pod.Write("a", Data.Random(i, 100_000));
            pod.Put();
        }
        return pod;
    }

    private static string FileOf(TestPod pod) => Path.Combine(pod.Folder, "v1/forgets");

    private static void WriteCache(TestPod pod, SecretBuffer key, byte[] owner, Digest hash)
    {
        pod.Vault.Dispose();
        File.Delete(FileOf(pod));
        var cache = new CheckedForgets(FileOf(pod), pod.Vault.Descriptor.VaultId);
        cache.Load(key, owner);
        cache.Add(hash, owner);
        cache.Save(key);
        pod.Reopen();
    }

    private static IReadOnlyList<GenerationInfo> Generations(TestPod pod) => pod.Vault.ListGenerations(pod.Vault.FindSession(TestPod.Session).Handle);

    // K_vault, as the vault itself has it.
    private static SecretBuffer KeyOf(TestPod pod)
    {
        using SecretBuffer root = pod.Vault.CopyRoot();
        using DeviceSecrets device = DeviceSecrets.Load(Path.Combine(pod.Folder, "v1/nv"));
        return VaultKeyLink.Derive(root, device.Shred, pod.Vault.Descriptor.VaultId);
    }
}
