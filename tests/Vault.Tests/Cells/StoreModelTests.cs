using CsCheck;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;

namespace VmPod.Vault.Tests.Cells;

/// <summary>Random sequences of what can be done with a store, beside a model that is a set of numbers (SECURITY.md R13).</summary>
[Trait("Threat", "T-13")]
public class StoreModelTests
{
    private const int Sequences = 400, StepsMax = 14, NumbersMax = 12;

    private enum Step
    {
        Append,
        Flush,
        Commit,
        Discard,
        Reopen,
        OpenUnclean,
        Damage,
        DropIndex,
    }

    private static readonly Gen<(Step, int, int)[]> s_steps =
        Gen.Select(Gen.Int[0, 7].Select(i => (Step)i), Gen.Int[0, NumbersMax - 1], Gen.Int[1, 3]).Array[1, StepsMax];

    [Fact]
    [Trait("Spec", "V-22")]
    [Trait("Spec", "V-58")]
    [Trait("Spec", "V-66")]
    [Trait("Spec", "V-70")]
    public void AStoreIsTheSetThatWasPutIntoItWhateverIsDoneInWhateverOrder() => s_steps.Sample(Run, iter: Sequences * Soak.Rounds);

    private static void Run((Step Step, int Number, int Count)[] steps)
    {
        using var pod = new PodFolder();
        var store = pod.Create();
        var committed = new HashSet<int>();
        var appended = new HashSet<int>();
        ulong seq = 1;
        bool isDamaged = false;
        try
        {
            foreach (var (step, number, count) in steps)
            {
                switch (step)
                {
                    case Step.Append:
                        int[] isNew = [.. Enumerable.Range(number, count).Where(n => !committed.Contains(n) && !appended.Contains(n))];
                        Assert.True(isDamaged || PodFolder.Append(store, number, count) == isNew.Length);
                        if (isDamaged)
                            _ = PodFolder.Append(store, number, count);
                        appended.UnionWith(Enumerable.Range(number, count).Except(committed));
                        break;
                    case Step.Flush:
                        store.Flush();
                        break;
                    case Step.Commit:
                        Assert.Equal(++seq, PodFolder.Commit(store, (byte)number).Head.Seq);
                        committed.UnionWith(appended);
                        appended.Clear();
                        break;
                    case Step.Discard:
                        store.DiscardUncommitted();
                        appended.Clear();
                        break;
                    case Step.DropIndex:
                        store.Dispose();
                        File.Delete(pod.PathOf("v1/index"));
                        store = pod.Open();
                        appended.Clear();
                        break;
                    case Step.Damage when committed.Count > 0 && File.Exists(pod.PathOf("v1/segments/000000.seg")):
                        // Healed by putting all of it again.
                        using (FileStream file = File.Open(pod.PathOf("v1/segments/000000.seg"), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
                        {
                            file.Position = number * 100 % file.Length;
                            int old = file.ReadByte();
                            file.Position = number * 100 % file.Length;
                            file.WriteByte((byte)(old ^ 4));
                        }
                        foreach (int n in committed.Concat(appended))
                            _ = PodFolder.Append(store, n, 1);
                        isDamaged = true;
                        Assert.Equal(++seq, PodFolder.Commit(store, 1).Head.Seq);
                        committed.UnionWith(appended);
                        appended.Clear();
                        break;
                    default:
                        store.Dispose();
                        store = pod.Open(step == Step.Reopen ? StoreAccess.Write : StoreAccess.Read);
                        Assert.Equal(seq, store.Head.Seq);
                        if (step != Step.Reopen)
                        {
                            store.Dispose();
                            store = pod.Open();
                        }
                        appended.Clear();
                        break;
                }
                Assert.Equal(seq, store.Head.Seq);
                for (int n = 0; n < NumbersMax + 3; n++)
                {
                    if (committed.Contains(n) || appended.Contains(n))
                        PodFolder.AssertReads(store, n, 1);
                    else if (!isDamaged)
                        PodFolder.AssertAbsent(store, n, 1);
                }
            }
            Assert.True(store.Verify(committed.Select(PodFolder.Id), null, default).IsComplete);
        }
        finally
        {
            store.Dispose();
        }
    }
}
