using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>Damage in any file of a pod: never wrong data, never a crash, always an error that names the right exit code, or the right data.</summary>
[Collection(PodsCollection.Name)]
public abstract class DamageTests
{
    protected abstract byte Suite { get; }

    [Theory]
    [InlineData("v1/segments/000000.seg", 40)]
    [InlineData("v1/log", 60)]
    [InlineData("v1/slots.bin", 40)]
    [InlineData("v1/index", 15)]
    [InlineData("v1/slots/passphrase", 20)]
    [InlineData("v1/nv/device", 4)]
    [InlineData("v1/nv/shred", 4)]
    [InlineData("v1/nv/log", 4)]
    [InlineData("vault.json", 40)]
    [Trait("Spec", "V-08")]
    [Trait("Spec", "V-30")]
    [Trait("Spec", "V-31")]
    [Trait("Spec", "V-34")]
    public void A_flipped_bit_gives_an_error_or_the_right_data(string file, int samples)
    {
        using var pod = TwoGenerations(out string first, out string second);
        string path = Path.Combine(pod.Folder, file);
        byte[] good = File.ReadAllBytes(path);
        var random = new Random(1);
        int refused = 0, right = 0, wrongPassphrase = 0;
        for (int i = 0; i < samples; i++)
        {
            byte[] bad = [.. good];
            // Small files: the first bits one by one, then some anywhere.
            int at = i < samples / 4 ? i * good.Length / samples : random.Next(good.Length);
            bad[at] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(path, bad);
            switch (Try(pod, first, second))
            {
                case Outcome.Right:
                    right++;
                    break;
                case Outcome.Refused:
                    refused++;
                    break;
                default:
                    wrongPassphrase++;
                    Assert.Contains(file, new[] { "v1/slots/passphrase", "v1/nv/device", "vault.json" });
                    break;
            }
            File.WriteAllBytes(path, good);
        }
        Assert.Equal(samples, refused + right + wrongPassphrase);
        TestContext.Current.TestOutputHelper?.WriteLine($"{file}: {refused} refused, {right} right, {wrongPassphrase} passphrase called wrong");
        Assert.Equal(Outcome.Right, Try(pod, first, second));
    }

    [Theory]
    [InlineData("v1/segments/000000.seg")]
    [InlineData("v1/log")]
    [InlineData("v1/slots.bin")]
    [InlineData("v1/slots/passphrase")]
    [InlineData("v1/nv/device")]
    [InlineData("v1/nv/shred")]
    [InlineData("v1/nv/log")]
    [InlineData("vault.json")]
    public void A_truncated_or_missing_file_gives_an_error_with_the_right_exit_code(string file)
    {
        using var pod = TwoGenerations(out string first, out string second);
        string path = Path.Combine(pod.Folder, file);
        byte[] good = File.ReadAllBytes(path);
        foreach (int length in new[] { 0, 1, good.Length / 2, good.Length - 1 })
        {
            File.WriteAllBytes(path, good.AsSpan(0, length));
            // A cut log or slot file may leave the head before the newest one whole: readers are given that, and told so.
            bool mayLeaveOlder = file is "v1/log" or "v1/slots.bin" && length > 0;
            Outcome outcome = Try(pod, first, second);
            Assert.True(outcome == Outcome.Refused || (mayLeaveOlder && outcome == Outcome.Right), $"{outcome} at {length} bytes");
        }
        File.Delete(path);
        Assert.Equal(Outcome.Refused, Try(pod, first, second));
        File.WriteAllBytes(path, good);
        Assert.Equal(Outcome.Right, Try(pod, first, second));
    }

    [Theory]
    [InlineData("v1/segments/000000.seg")]
    [InlineData("v1/log")]
    [InlineData("v1/slots.bin")]
    [InlineData("v1/slots/passphrase")]
    [InlineData("v1/nv/device")]
    [InlineData("v1/nv/shred")]
    [InlineData("v1/nv/log")]
    [InlineData("vault.json")]
    [InlineData("v1")]
    [InlineData("v1/log v1/slots.bin v1/segments/000000.seg")]
    [Trait("Spec", "V-03")]
    [Trait("Spec", "V-30")]
    [Trait("Spec", "V-34")]
    public void Files_of_another_vault_with_the_same_passphrase_are_refused(string files)
    {
        using var pod = TwoGenerations(out string first, out string second);
        using var other = TwoGenerations(out _, out _);
        other.Vault.Dispose();
        string good = Path.Combine(pod.Root, "good");
        FolderTree.Run("cp", "-a", pod.Folder, good);
        foreach (string file in files.Split(' '))
        {
            FolderTree.Run("rm", "-r", Path.Combine(pod.Folder, file));
            FolderTree.Run("cp", "-a", Path.Combine(other.Folder, file), Path.Combine(pod.Folder, file));
        }
        Assert.NotEqual(Outcome.Right, Try(pod, first, second));
    }

    [Fact]
    public void An_older_copy_of_the_whole_pod_opens_as_the_older_pod_and_nothing_else()
    {
        using var pod = new TestPod(suite: Suite);
        pod.Write("a", Data.Text(1, 300_000));
        pod.Put();
        string first = pod.Keep("first"), old = Path.Combine(pod.Root, "old");
        pod.Vault.Dispose();
        FolderTree.Run("cp", "-a", pod.Folder, old);
        using PodVault vault = TestPod.Unlock(old);
        // Without a TPM nothing on the pod can know (rule 28): witnesses do. What opens is whole and authentic.
        using SessionReader reader = vault.OpenSession(TestPod.Session);
        string got = Path.Combine(pod.Root, "got-old");
        SnapshotReader.Get(reader, got, progress: null, TestContext.Current.CancellationToken);
        FolderTree.AssertSame(first, got);
    }

    [Fact]
    [Trait("Spec", "V-10")]
    public void A_wrong_passphrase_is_called_wrong_and_opens_nothing()
    {
        using var pod = TwoGenerations(out _, out _);
        using PodVault vault = PodVault.Open(pod.Folder, StoreAccess.Write, TimeProvider.System);
        foreach (string wrong in new[] { "c", "Correct horse", "correct horse ", new string('x', 1000) })
        {
            using SecretBuffer secret = TestPod.Secret(wrong);
            Assert.False(vault.TryUnlock(secret));
        }
        Assert.False(vault.IsUnlocked);
        VmPodException locked = Assert.Throws<VmPodException>(() => vault.OpenSession(TestPod.Session));
        Assert.Equal(ExitCode.Refused, locked.ExitCode);
        Assert.Null(Assert.Single(vault.ListSessions()).Name);
    }

    [Fact]
    [Trait("Spec", "V-39")]
    public void A_damaged_log_key_is_refused_before_it_can_sign_a_head()
    {
        using var pod = TwoGenerations(out _, out string second);
        string key = Path.Combine(pod.Folder, "v1/nv/log");
        Flip(key, 3);
        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => PodVault.Open(pod.Folder, StoreAccess.Write, TimeProvider.System)).ExitCode);
        Flip(key, 3);
        pod.Reopen();
        FolderTree.AssertSame(second, pod.Get());
    }

    [Fact]
    public void A_damaged_cell_is_named_by_verify_and_only_the_generations_that_need_it_are_lost()
    {
        using var pod = TwoGenerations(out string first, out _);
        // The last cell belongs to the second generation alone.
        Flip(Path.Combine(pod.Folder, "v1/segments/000000.seg"), -1000);
        using PodVault vault = TestPod.Unlock(pod.Folder);
        Assert.Equal(1, vault.Verify(progress: null, TestContext.Current.CancellationToken).DamagedCount);
        string folder = Path.Combine(pod.Root, "damaged");
        Assert.Equal(ExitCode.Damaged, Assert.ThrowsAny<VmPodException>(() => Get(vault, null, folder)).ExitCode);
        Assert.False(Directory.Exists(folder));
        Get(vault, 1, folder);
        FolderTree.AssertSame(first, folder);
    }

    private enum Outcome
    {
        Right,
        Refused,
        WrongPassphrase,
    }

    private TestPod TwoGenerations(out string first, out string second)
    {
        var pod = new TestPod(16 * 1024, suite: Suite);
        pod.Write("a", Data.Text(1, 100_000));
        pod.Write("b", Data.Random(2, 70_000));
        pod.Put();
        first = pod.Keep("first");
        pod.Write("b", Data.Random(3, 90_000));
        pod.Put();
        second = pod.Keep("second");
        pod.Vault.Dispose();
        return pod;
    }

    // Whatever happens is a declared error, or the right data.
    private static Outcome Try(TestPod pod, string first, string second)
    {
        try
        {
            using PodVault vault = PodVault.Open(pod.Folder, StoreAccess.Read, TimeProvider.System);
            using SecretBuffer secret = TestPod.Secret();
            if (!vault.TryUnlock(secret))
                return Outcome.WrongPassphrase;
            // A lost newest head leaves the older one for readers: the vault says so, and then the older generation is the right data.
            if (!vault.Store.NewestHeadLost)
                Check(pod, vault, null, second);
            Check(pod, vault, 1, first);
            return Outcome.Right;
        }
        catch (VmPodException e)
        {
            Assert.True(e.ExitCode is ExitCode.Damaged or ExitCode.NotFound or ExitCode.Refused, $"{e.ExitCode}: {e}");
            return Outcome.Refused;
        }
    }

    private static void Check(TestPod pod, PodVault vault, ulong? generation, string expected)
    {
        string folder = Path.Combine(pod.Root, $"try-{Guid.NewGuid():N}");
        try
        {
            Get(vault, generation, folder);
            FolderTree.AssertSame(expected, folder);
        }
        finally
        {
            if (Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
        }
    }

    private static void Get(PodVault vault, ulong? generation, string folder)
    {
        using SessionReader reader = vault.OpenSession(TestPod.Session, generation);
        SnapshotReader.Get(reader, folder, progress: null, TestContext.Current.CancellationToken);
    }

    private static void Flip(string path, int at)
    {
        byte[] bytes = File.ReadAllBytes(path);
        bytes[at < 0 ? bytes.Length + at : at] ^= 1;
        File.WriteAllBytes(path, bytes);
    }
}
