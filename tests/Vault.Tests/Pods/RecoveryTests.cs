using System.Text;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Sessions;
using VmPod.Vault.Words;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>Recovery words: they open what is lost otherwise, and nothing else does in their place.</summary>
[Collection(PodsCollection.Name)]
public sealed class RecoveryTests : IDisposable
{
    private readonly RecoveryWords words = RecoveryWords.Create();
    private readonly TestPod pod;

    public RecoveryTests()
    {
        pod = new TestPod(words: words);
        pod.Write("a", Data.Random(1, 200_000));
        pod.Put();
    }

    public void Dispose()
    {
        pod.Dispose();
        words.Dispose();
    }

    [Theory]
    [InlineData("v1/nv", "v1/slots")]
    [InlineData("v1/nv")]
    [InlineData("v1/slots")]
    [InlineData("v1/nv/shred")]
    [InlineData("v1/nv/log")]
    [InlineData]
    [Trait("Spec", "V-112")]
    [Trait("Spec", "V-113")]
    public void Words_open_a_pod_whose_passphrase_or_secrets_are_lost_and_the_old_passphrase_opens_it_no_more(params string[] lost)
    {
        Lose(lost);
        if (lost.Length > 0)
            Assert.ThrowsAny<VmPodException>(() => TestPod.Unlock(pod.Folder).Dispose());
        Recover(words, "another passphrase");
        using PodVault vault = PodVault.Open(pod.Folder, StoreAccess.Write, TimeProvider.System);
        using (SecretBuffer old = TestPod.Secret())
            Assert.False(vault.TryUnlock(old));
        using (SecretBuffer passphrase = TestPod.Secret("another passphrase"))
            Assert.True(vault.TryUnlock(passphrase));
        AssertWhole(vault);
        Assert.True(vault.Verify(null, TestContext.Current.CancellationToken).IsSound);
        // What is written afterwards is there after the next loss too.
        pod.Write("b", Data.Random(2, 70_000));
        TestPod.Put(vault, pod.Source);
        vault.Dispose();
        Lose("v1/nv", "v1/slots");
        Recover(words, "a third one here");
        using PodVault again = PodVault.OpenByWords(pod.Folder, words, false, TimeProvider.System);
        AssertWhole(again);
    }

    [Fact]
    [Trait("Spec", "V-112")]
    public void Wrong_words_and_those_of_another_vault_open_nothing_and_change_nothing()
    {
        using RecoveryWords none = RecoveryWords.Create(), others = RecoveryWords.Create();
        using var other = new TestPod(words: others);
        other.Vault.Dispose();
        using (PodVault opened = PodVault.OpenByWords(other.Folder, others, false, TimeProvider.System))
            Assert.True(opened.IsUnlocked);
        pod.Vault.Dispose();
        Dictionary<string, byte[]> before = Files();
        Assert.Equal(ExitCode.Refused, Refusal(none).ExitCode);
        VmPodException e = Refusal(others);
        Assert.Equal(ExitCode.Refused, e.ExitCode);
        Assert.Contains("not the recovery words of this vault", e.Message, StringComparison.Ordinal);
        Assert.Equal(before, Files());
    }

    [Fact]
    [Trait("Spec", "V-112")]
    public void A_vault_without_words_is_opened_by_none()
    {
        using var plain = new TestPod();
        Assert.False(plain.Vault.HasRecoverySlot());
        Assert.True(pod.Vault.HasRecoverySlot());
        plain.Vault.Dispose();
        Assert.Contains("no recovery words", Assert.Throws<VmPodException>(
            () => PodVault.OpenByWords(plain.Folder, words, false, TimeProvider.System)).Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Spec", "V-111")]
    [Trait("Spec", "V-112")]
    [Trait("Threat", "T-30")]
    public void Words_that_were_replaced_open_nothing_also_if_their_slot_is_put_into_the_log_again()
    {
        using RecoveryWords newer = RecoveryWords.Create();
        byte[] old = Slots()[0];
        pod.Vault.SetRecoveryWords(newer);
        // Whoever has the log key can append; a reader that took the last slot of the log would take the old one.
        Append(old);
        Assert.Equal(old, Slots()[^1]);
        pod.Vault.Dispose();
        VmPodException e = Refusal(words);
        Assert.Equal(ExitCode.Refused, e.ExitCode);
        Assert.Contains("replaced", e.Message, StringComparison.Ordinal);
        using PodVault opened = PodVault.OpenByWords(pod.Folder, newer, false, TimeProvider.System);
        AssertWhole(opened);
    }

    [Fact]
    [Trait("Spec", "V-111")]
    [Trait("Threat", "T-30")]
    public void A_slot_of_another_vault_does_not_take_the_place_of_the_vault_s_own()
    {
        using RecoveryWords others = RecoveryWords.Create(), newest = RecoveryWords.Create();
        using var other = new TestPod(words: others);
        other.Vault.SetRecoveryWords(newest);
        byte[] moved = Slots(other.Vault)[^1];
        // Its number is higher than that of the vault's own: without the owner's signature it would be the newest.
        Append(moved);
        Assert.Equal(moved, Slots()[^1]);
        pod.Vault.Dispose();
        Assert.Equal(ExitCode.Refused, Refusal(newest).ExitCode);
        using PodVault opened = PodVault.OpenByWords(pod.Folder, words, false, TimeProvider.System);
        AssertWhole(opened);
    }

    [Fact]
    [Trait("Spec", "V-112")]
    [Trait("Threat", "T-30")]
    public void A_newer_slot_that_is_hidden_by_damage_does_not_bring_old_words_back_unless_the_owner_says_so()
    {
        using RecoveryWords newer = RecoveryWords.Create();
        pod.Vault.SetRecoveryWords(newer);
        long at = pod.Vault.Store.EnumerateLog(0).Last(e => e.Type == LogEntryTypes.Recovery).Offset;
        pod.Vault.Dispose();
        using (FileStream log = File.OpenWrite(Path.Combine(pod.Folder, "v1/log")))
        {
            log.Position = at + 40;
            log.WriteByte(0xEE);
        }
        Assert.Equal(ExitCode.Damaged, Refusal(words).ExitCode);
        Assert.Equal(ExitCode.Damaged, Refusal(newer).ExitCode);
        using PodVault opened = PodVault.OpenByWords(pod.Folder, words, acceptsDamage: true, TimeProvider.System);
        AssertWhole(opened);
    }

    [Fact]
    [Trait("Spec", "V-114")]
    public void Recovering_ends_every_lease_and_its_holder_is_refused()
    {
        SessionLease lease = pod.Vault.BeginLease(TestPod.Session, create: false, TestPod.Host);
        ulong id = lease.LeaseId, term = lease.Term;
        SessionHandle session = lease.Session;
        lease.Dispose();        // as a crash leaves it: open in the vault
        Assert.Equal(ExitCode.Busy, Assert.Throws<VmPodException>(() => pod.Vault.BeginLease(TestPod.Session, false, TestPod.Host + 1)).ExitCode);
        using (GrantedLease early = pod.Vault.AttachLease(session, id, term, TestPod.Host, 100))
            Assert.True(early.IsOpen);
        pod.Vault.Dispose();
        Assert.Equal(1, Recover(words, "another passphrase"));
        using PodVault vault = PodVault.OpenByWords(pod.Folder, words, false, TimeProvider.System);
        // Its holder may leave a fork, and no more.
        using (GrantedLease late = vault.AttachLease(session, id, term, TestPod.Host, 100))
            Assert.False(late.IsOpen);
        using SessionLease next = vault.BeginLease(TestPod.Session, false, TestPod.Host + 1);
        Assert.True(next.Term > term);
        next.Close();
    }

    [Fact]
    [Trait("Spec", "V-113")]
    public void Recovering_that_was_cut_off_anywhere_can_be_done_again()
    {
        pod.Vault.Dispose();
        foreach (string[] lost in (string[][])[["v1/slots"], ["v1/slots", "v1/nv"], ["v1/nv"], ["v1/slots/vault-key"], ["v1/nv/shred"]])
        {
            Recover(words, "another passphrase");
            // What a crash between two steps leaves, with what was being written.
            Directory.CreateDirectory(Path.Combine(pod.Folder, "v1/recovering/v1/nv"));
            File.WriteAllText(Path.Combine(pod.Folder, "v1/recovering/v1/nv/log"), "half");
            Lose(lost);
            Recover(words, "yet another one");
            using PodVault vault = PodVault.Open(pod.Folder, StoreAccess.Write, TimeProvider.System);
            using SecretBuffer passphrase = TestPod.Secret("yet another one");
            Assert.True(vault.TryUnlock(passphrase));
            AssertWhole(vault);
            Assert.False(Directory.Exists(Path.Combine(pod.Folder, "v1/recovering")));
        }
    }

    [Fact]
    [Trait("Spec", "V-113")]
    public void After_recovering_the_erased_shred_key_still_takes_the_vault_with_it_for_the_passphrase()
    {
        pod.Vault.Dispose();
        Recover(words, "another passphrase");
        File.WriteAllBytes(Path.Combine(pod.Folder, "v1/nv/shred"), new byte[32]);
        using PodVault vault = PodVault.Open(pod.Folder, StoreAccess.Write, TimeProvider.System);
        using SecretBuffer passphrase = TestPod.Secret("another passphrase");
        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => vault.TryUnlock(passphrase)).ExitCode);
    }

    [Theory]
    [InlineData(7, "Word 7 ")]
    [InlineData(24, "Word 24 ")]
    [Trait("Spec", "V-110")]
    [Trait("Threat", "T-06")]
    public void An_error_names_the_place_of_a_wrong_word_and_no_word(int place, string said)
    {
        using SecretBuffer text = words.ToText();
        string[] parts = Encoding.ASCII.GetString(text.ReadOnlyBytes).Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        VmPodException e = ErrorOf(parts, place);
        Assert.StartsWith(said, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("frobnicat", e.Message + e.Hint, StringComparison.OrdinalIgnoreCase);
        // With other words around the wrong one it says the same: so it holds none of them, but what is in every such message.
        VmPodException other = ErrorOf([.. Enumerable.Repeat("abandon", parts.Length)], place);
        Assert.Equal(e.Message + e.Hint, other.Message + other.Hint);
        Assert.DoesNotContain("abandon", e.Message + e.Hint, StringComparison.OrdinalIgnoreCase);
    }

    private static VmPodException ErrorOf(string[] parts, int place)
    {
        parts[place - 1] = "frobnicat";
        return Assert.Throws<VmPodException>(() => RecoveryWords.Parse(Encoding.ASCII.GetBytes(string.Join(' ', parts))));
    }

    [Fact]
    [Trait("Spec", "V-110")]
    public void The_table_that_is_shown_has_every_word_with_its_number()
    {
        using SecretBuffer text = words.ToText(), table = words.ToTable();
        string[] parts = Encoding.ASCII.GetString(text.ReadOnlyBytes).Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        string[] shown = Encoding.ASCII.GetString(table.ReadOnlyBytes).Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(parts.SelectMany((word, i) => (string[])[$"{i + 1}", word]), shown);
    }

    private void Lose(params string[] names)
    {
        pod.Vault.Dispose();
        foreach (string path in names.Select(n => Path.Combine(pod.Folder, n)))
        {
            if (Directory.Exists(path))
                Directory.Delete(path, recursive: true);
            else
                File.Delete(path);
        }
    }

    private int Recover(RecoveryWords with, string passphrase)
    {
        pod.Vault.Dispose();
        using PodVault vault = PodVault.OpenByWords(pod.Folder, with, acceptsDamage: false, TimeProvider.System);
        using SecretBuffer secret = TestPod.Secret(passphrase);
        vault.SaveNewSecrets(secret, TestPod.Cheap.Argon2MemoryKiB);
        return vault.FenceLeases();
    }

    private VmPodException Refusal(RecoveryWords with) =>
        Assert.Throws<VmPodException>(() => PodVault.OpenByWords(pod.Folder, with, acceptsDamage: false, TimeProvider.System));

    private void AssertWhole(PodVault vault)
    {
        string got = Directory.CreateTempSubdirectory("vmpod-test-").FullName;
        try
        {
            using (SessionReader reader = vault.OpenSession(TestPod.Session))
                Snapshots.SnapshotReader.Get(reader, Path.Combine(got, "out"), progress: null, TestContext.Current.CancellationToken);
            foreach (string file in Directory.GetFiles(pod.Source))
                Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(Path.Combine(got, "out", Path.GetFileName(file))));
        }
        finally
        {
            Directory.Delete(got, recursive: true);
        }
    }

    private List<byte[]> Slots(PodVault? vault = null)
    {
        CellStore store = (vault ?? pod.Vault).Store;
        return [.. store.EnumerateLog(0).Where(e => e.Type == LogEntryTypes.Recovery).Select(e => store.ReadEntry(e.Offset).Payload.ToArray())];
    }

    private void Append(byte[] slot) => pod.Vault.Store.Commit([new PendingEntry(LogEntryTypes.Recovery, slot)],
        context => new HeadDraft(0, 1, [.. context.Previous!.Sessions]));

    private Dictionary<string, byte[]> Files() => Directory.GetFiles(pod.Folder, "*", SearchOption.AllDirectories)
        .Where(f => Path.GetFileName(f) is not ("lock" or "index" or "logindex" or "forgets")).ToDictionary(f => f, File.ReadAllBytes);
}
