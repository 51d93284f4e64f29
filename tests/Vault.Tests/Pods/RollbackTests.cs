using VmPod.Foundation;
using VmPod.Vault.Cells;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>Every older state of a pod put back, and gone on from (SECURITY.md R14): a witness tells; without one nobody does.</summary>
[Collection(PodsCollection.Name)]
[Trait("Threat", "T-03")]
public sealed class RollbackTests(ITestOutputHelper output)
{
    private const int States = 55;
    private static readonly string[] Files = ["v1/log", "v1/slots.bin", "v1/segments/000000.seg"];

    [Fact]
    [Trait("Spec", "V-188")]
    public void Each_of_fifty_older_states_put_back_is_told_by_a_witness_and_so_is_each_fork_from_it()
    {
        using var pod = new TestPod(16 * 1024, Directory.CreateDirectory(Path.Combine("/dev/shm", Path.GetRandomFileName())).FullName);
        try
        {
            var states = new List<Dictionary<string, byte[]>>();
            for (int state = 0; state < States; state++)
            {
                pod.Write("a", Data.Text(state, 5_000));
                pod.Put();
                states.Add(Files.ToDictionary(f => f, f => File.ReadAllBytes(Path.Combine(pod.Folder, f))));
            }
            WitnessedHead seen = WitnessedHead.TryRead(WitnessedHead.Of(pod.Vault.Store).ToText())!;
            Assert.Equal(WitnessVerdict.Same, seen.Judge(pod.Vault.Store, TestContext.Current.CancellationToken));
            pod.Put();
            Assert.Equal(WitnessVerdict.Newer, seen.Judge(pod.Vault.Store, TestContext.Current.CancellationToken));
            pod.Vault.Dispose();
            int older = 0, forked = 0;
            for (int state = 0; state + 1 < States; state++)
            {
                foreach ((string file, byte[] bytes) in states[state])
                    File.WriteAllBytes(Path.Combine(pod.Folder, file), bytes);
                using PodVault vault = TestPod.Unlock(pod.Folder);
                // The attack works: it is a sound vault, and nothing in it says that there was more.
                Assert.Equal((ulong)state + 1, vault.FindSession(TestPod.Session).Tip.Generation);
                Assert.True(vault.Verify(null, TestContext.Current.CancellationToken).IsSound);
                older += seen.Judge(vault.Store, TestContext.Current.CancellationToken) == WitnessVerdict.Older ? 1 : 0;
                // And goes on, up to the number that was seen and beyond.
                while (vault.Store.Head.Seq < seen.Seq)
                    Advance(vault);
                forked += seen.Judge(vault.Store, TestContext.Current.CancellationToken) == WitnessVerdict.Forked ? 1 : 0;
                Advance(vault);
                Assert.Equal(WitnessVerdict.Forked, seen.Judge(vault.Store, TestContext.Current.CancellationToken));
            }
            output.WriteLine($"{States - 1} older states: {older} told as older, {forked} told as forked once they went on; without a witness 0 (unproved)");
            Assert.Equal((States - 1, States - 1), (older, forked));
        }
        finally
        {
            pod.Vault.Dispose();
            Directory.Delete(pod.Root, recursive: true);
        }
    }

    [Fact]
    [Trait("Spec", "V-188")]
    public void A_damaged_log_is_no_fork_and_another_vault_is_no_older_one()
    {
        using TestPod pod = new(16 * 1024), other = new(16 * 1024);
        pod.Write("a", Data.Text(1, 5_000));
        pod.Put();
        WitnessedHead seen = WitnessedHead.Of(pod.Vault.Store);
        pod.Put();
        Assert.Equal(ExitCode.Refused, Assert.Throws<VmPodException>(() =>
            seen.Judge(other.Vault.Store, TestContext.Current.CancellationToken)).ExitCode);
        pod.Vault.Dispose();
        string log = Path.Combine(pod.Folder, "v1/log");
        byte[] bytes = File.ReadAllBytes(log);
        bytes[seen.Offset + 40] ^= 1;
        File.WriteAllBytes(log, bytes);
        pod.Reopen();
        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => seen.Judge(pod.Vault.Store, TestContext.Current.CancellationToken)).ExitCode);
    }

    [Fact]
    public void A_witness_has_one_spelling()
    {
        using var pod = new TestPod(16 * 1024);
        byte[] text = WitnessedHead.Of(pod.Vault.Store).ToText();
        Assert.NotNull(WitnessedHead.TryRead(text));
        for (int i = 0; i < text.Length; i++)
        {
            byte[] other = [.. text];
            other[i] = (byte)' ';
            Assert.True(other[i] == text[i] || WitnessedHead.TryRead(other) is null);
            Assert.Null(WitnessedHead.TryRead(text.AsSpan(0, i)));
        }
        Assert.Null(WitnessedHead.TryRead([.. text, .. "\n"u8]));
        Assert.Null(WitnessedHead.TryRead(new byte[WitnessedHead.TextBytesMax + 1]));
    }

    private static void Advance(PodVault vault) =>
        vault.Store.Commit([], context => new HeadDraft(0, context.Previous!.TimeMs, context.Previous.Sessions));
}
