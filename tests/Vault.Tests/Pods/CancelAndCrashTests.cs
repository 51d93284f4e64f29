using System.Diagnostics;
using System.Globalization;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>A put that does not end leaves the vault as it was to every reader (rule 22).</summary>
[Collection(PodsCollection.Name)]
public sealed class CancelAndCrashTests
{
    private const string ChildVariable = "VMPOD_TEST_CRASH_POD";

    [Fact]
    [Trait("Spec", "V-38")]
    public void A_cancelled_put_changes_nothing_and_gives_the_space_back()
    {
        using var pod = new TestPod();
        pod.Write("a", Data.Text(1, 1_000_000));
        pod.Put();
        string kept = pod.Keep("before");
        long cells = pod.Vault.Store.CellCount, segments = SegmentBytes(pod.Folder);

        pod.Write("a", Data.Random(2, 8_000_000));
        using var cancel = new CancellationTokenSource();
        long peak = 0;
        Assert.ThrowsAny<OperationCanceledException>(() => pod.Put(progress: new Told<TransferProgress>(p =>
        {
            peak = Math.Max(peak, pod.Vault.Store.CellCount);
            if (p.BytesStored > 2_000_000)
                cancel.Cancel();
        }), cancel: cancel.Token));
        Assert.True(peak > cells, "the put was cancelled before it had stored anything");

        Assert.Equal(cells, pod.Vault.Store.CellCount);
        Assert.Equal(segments, SegmentBytes(pod.Folder));
        Assert.Equal(1UL, pod.Vault.FindSession(TestPod.Session).Tip.Generation);
        FolderTree.AssertSame(kept, pod.Get());
        pod.Put();
        FolderTree.AssertSame(pod.Source, pod.Get());
        FolderTree.AssertSame(kept, pod.Get(generation: 1));
        Assert.True(pod.Vault.Verify(progress: null, TestContext.Current.CancellationToken).IsSound);
    }

    [Fact]
    public void A_cancelled_first_put_leaves_no_session_behind()
    {
        using var pod = new TestPod();
        pod.Write("a", Data.Random(1, 1_000_000));
        Assert.ThrowsAny<OperationCanceledException>(() => pod.Put(cancel: new CancellationToken(canceled: true)));
        Assert.Empty(pod.Vault.ListSessions());
        pod.Put();
        Assert.Single(pod.Vault.ListSessions());
        Assert.Single(pod.Vault.Store.Head.Sessions);
    }

    [Fact]
    public void A_first_put_that_crashed_leaves_no_row_in_the_head_and_one_that_still_runs_keeps_its_own()
    {
        using var pod = new TestPod();
        pod.Write("a", Data.Text(1, 1_000));
        // Not closed: as its process left it.
        using (pod.Vault.BeginLease("crashed", create: true, TestPod.Host))
            pod.Reopen();
        Assert.Single(pod.Vault.Store.Head.Sessions);
        using SessionLease running = pod.Vault.BeginLease("running", create: true, TestPod.Host);
        Assert.Equal(running.Session.Value, Assert.Single(pod.Vault.Store.Head.Sessions).Handle);
        pod.Put();
        Assert.Equal(2, pod.Vault.Store.Head.Sessions.Count);
        SnapshotWriter.Put(running, [pod.Source], "put", progress: null, TestContext.Current.CancellationToken);
        Assert.Equal(2, pod.Vault.ListSessions().Count);
    }

    [Fact]
    [Trait("Spec", "V-38")]
    public void Discarding_in_one_session_does_not_cut_off_what_another_session_is_putting()
    {
        using var pod = new TestPod();
        pod.Write("a", Data.Random(1, 3_000_000));
        using SessionLease one = pod.Vault.BeginLease("one", create: true, TestPod.Host);
        using SessionLease two = pod.Vault.BeginLease("two", create: true, TestPod.Host);
        bool isDiscarded = false;
        SnapshotWriter.Put(one, [pod.Source], "put", new Told<TransferProgress>(p =>
        {
            if (p.BytesStored == 0 || isDiscarded)
                return;
            // In the middle of the first session's put, the second one is given up.
            isDiscarded = true;
            two.Close();
        }), TestContext.Current.CancellationToken);
        Assert.True(isDiscarded);
        FolderTree.AssertSame(pod.Source, pod.Get(session: "one"));
        Assert.True(pod.Vault.Verify(progress: null, TestContext.Current.CancellationToken).IsSound);
    }

    [Fact]
    public void Cancelling_a_get_removes_what_was_written()
    {
        using var pod = new TestPod();
        pod.Write("a", Data.Random(1, 8_000_000));
        pod.Put();
        string folder = Path.Combine(pod.Root, "cancelled");
        using var cancel = new CancellationTokenSource();
        using SessionReader reader = pod.Vault.OpenSession(TestPod.Session);
        Assert.ThrowsAny<OperationCanceledException>(() => SnapshotReader.Get(reader, folder, new Told<TransferProgress>(_ => cancel.Cancel()),
            cancel.Token));
        Assert.False(Directory.Exists(folder));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3_000_000)]
    [InlineData(12_000_000)]
    [Trait("Spec", "V-38")]
    public void After_the_process_is_killed_in_the_middle_of_a_put_the_older_generation_is_there_and_the_next_put_works(long atBytes)
    {
        using var pod = new TestPod();
        pod.Write("a", Data.Text(1, 500_000));
        pod.Put();
        string kept = pod.Keep("before");
        pod.Write("a", Data.Random(2, 16_000_000));
        pod.Write("new", Data.Random(3, 1_000_000));
        pod.Vault.Dispose();

        var start = new ProcessStartInfo(Environment.ProcessPath!, ["-explicit", "only", "-method",
            $"{typeof(CancelAndCrashTests).FullName}.{nameof(Child_that_is_killed)}"])
        {
            RedirectStandardOutput = true,
        };
        start.Environment[ChildVariable] = $"{pod.Root}|{atBytes}";
        using (Process child = Process.Start(start)!)
        {
            string output = child.StandardOutput.ReadToEnd();
            child.WaitForExit();
            Assert.True(child.ExitCode == 137, $"the child ended with {child.ExitCode}: {output}");
        }

        pod.Reopen();
        Assert.True(pod.Vault.FindSession(TestPod.Session).LeaseIsOpen, "the child was killed before it had the lease");
        FolderTree.AssertSame(kept, pod.Get());
        pod.Put();
        FolderTree.AssertSame(pod.Source, pod.Get());
        FolderTree.AssertSame(kept, pod.Get(generation: 1));
        Assert.False(pod.Vault.FindSession(TestPod.Session).LeaseIsOpen);
        Assert.True(pod.Vault.Verify(progress: null, TestContext.Current.CancellationToken).IsSound);
    }

    // Run by the test above in a process of its own: puts, and kills itself on the way.
    [Fact(Explicit = true)]
    public void Child_that_is_killed()
    {
        string[] parts = Environment.GetEnvironmentVariable(ChildVariable)!.Split('|');
        long atBytes = long.Parse(parts[1], CultureInfo.InvariantCulture);
        using PodVault vault = TestPod.Unlock(Path.Combine(parts[0], "pod"));
        TestPod.Put(vault, Path.Combine(parts[0], "source"), progress: new Told<TransferProgress>(p =>
        {
            if (p.BytesDone >= atBytes)
                Process.GetCurrentProcess().Kill();
        }));
        Assert.Fail("the put ended before it was killed");
    }

    private static long SegmentBytes(string folder) => new DirectoryInfo(Path.Combine(folder, "v1/segments")).EnumerateFiles().Sum(f => f.Length);
}
