using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Words;
using Xunit;

namespace VmPod.PodKeeper.Tests.Pods;

public sealed class RecoverTests : IDisposable
{
    private const int Cheap = 8 * 1024;
    private readonly RecoveryWords words = RecoveryWords.Create();
    private readonly TestPod pod;

    public RecoverTests() => pod = new TestPod(words);

    public void Dispose()
    {
        pod.Dispose();
        words.Dispose();
    }

    [Fact]
    [Trait("Spec", "P-71")]
    public void The_log_says_that_words_opened_the_pod_before_anything_is_changed()
    {
        using SecretBuffer passphrase = TestPod.Secret("another passphrase");
        pod.BreakLog();
        Assert.ThrowsAny<Exception>(() => PodKeeper.Pod.Recover(pod.Folder, words, passphrase, Cheap, false, pod.Clock));
        Directory.Delete(Path.Combine(pod.Folder, "v1", "audit", "checkpoint.new"), recursive: true);
        using (Pod open = pod.Open())
            Assert.False(open.TryUnlock(passphrase), "the passphrase was changed without an entry");
        pod.OpenUnlocked().Dispose();

        (Pod recovered, int ended) = PodKeeper.Pod.Recover(pod.Folder, words, passphrase, Cheap, false, pod.Clock);
        recovered.Dispose();
        Assert.Equal(0, ended);
        Assert.Equal(["unlock-ok ok", "passphrase-change intent", "passphrase-change ok"], pod.Events().TakeLast(3));
        using Pod after = pod.Open();
        Assert.True(after.TryUnlock(passphrase));
    }

    [Fact]
    [Trait("Spec", "P-71")]
    public void Wrong_words_are_counted_where_the_pod_can_log_and_refused_where_it_cannot()
    {
        using SecretBuffer passphrase = TestPod.Secret("another passphrase");
        using RecoveryWords others = RecoveryWords.Create();
        Assert.Equal(ExitCode.Refused, Refusal());
        Assert.Equal("unlock-fail refused", pod.Events()[^1]);
        Directory.Delete(Path.Combine(pod.Folder, "v1", "nv"), recursive: true);
        int entries = pod.Events().Count;
        Assert.Equal(ExitCode.Refused, Refusal());
        Assert.Equal(entries, pod.Events().Count);

        ExitCode Refusal() => Assert.Throws<VmPodException>(
            () => PodKeeper.Pod.Recover(pod.Folder, others, passphrase, Cheap, false, pod.Clock)).ExitCode;
    }

    [Fact]
    [Trait("Spec", "P-71")]
    public void New_words_are_logged_before_they_count()
    {
        using RecoveryWords newer = RecoveryWords.Create();
        using SecretBuffer passphrase = TestPod.Secret("another passphrase");
        using (Pod open = pod.OpenUnlocked())
        {
            pod.BreakLog();
            Assert.ThrowsAny<Exception>(() => open.SetRecoveryWords(newer));
        }
        Directory.Delete(Path.Combine(pod.Folder, "v1", "audit", "checkpoint.new"), recursive: true);
        PodKeeper.Pod.Recover(pod.Folder, words, passphrase, Cheap, false, pod.Clock).Pod.Dispose();
        using (Pod open = pod.Open())
        {
            Assert.True(open.TryUnlock(passphrase));
            open.SetRecoveryWords(newer);
        }
        Assert.Equal(["slot-change intent", "slot-change ok"], pod.Events().TakeLast(2));
        Assert.Equal(ExitCode.Refused, Assert.Throws<VmPodException>(
            () => PodKeeper.Pod.Recover(pod.Folder, words, passphrase, Cheap, false, pod.Clock)).ExitCode);
    }
}
