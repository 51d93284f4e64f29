using System.Diagnostics;
using System.Text;
using VmPod.Audit;
using VmPod.Foundation;
using Xunit;

namespace VmPod.PodKeeper.Tests.Audit;

public sealed class AuditLogTests(ITestOutputHelper output)
{
    private static ExitCode Refusal(Action action) => Assert.Throws<VmPodException>(action).ExitCode;

    [Fact]
    [Trait("Spec", "P-15")]
    public void What_was_appended_is_read_back_verified_and_signed_at_once()
    {
        using var test = new TestLog();
        using AuditLog log = test.Create();
        for (int i = 0; i < 10; i++)
        {
            test.Clock.Now += TimeSpan.FromSeconds(1);
            AuditEntry appended = log.Append(TestLog.Released(i));
            Assert.Equal(i, appended.Seq);
            // The reader works beside the appender, and sees the entry signed when Append has returned.
            Assert.Equal(new AuditVerification(i + 1, i + 1, 0, null), test.Reader.Verify());
            AuditEntry read = test.Reader.Read().Last();
            Assert.Equal(appended with { Detail = read.Detail }, read);
            Assert.Equal(appended.Detail, read.Detail);
            Assert.Equal(test.Clock.Now, read.Time);
        }
        Assert.Equal(10, log.Count);
    }

    [Fact]
    [Trait("Spec", "P-16")]
    public void A_batch_is_appended_as_its_entries_would_be_one_by_one()
    {
        using var one = new TestLog().With(5);
        using var batch = new TestLog();
        using (AuditLog log = batch.Create())
            Assert.Equal([0L, 1, 2, 3, 4],
                log.Append([.. Enumerable.Range(0, 5).Select(i => TestLog.Released(100 + i))]).Select(e => e.Seq));
        Assert.Equal(one.Entries, batch.Entries);
        Assert.Equal(one.Checkpoint, batch.Checkpoint);
    }

    [Fact]
    [Trait("Spec", "P-02")]
    public void Whatever_is_appended_by_whomever_the_bytes_before_stay_as_they_are()
    {
        using var test = new TestLog().With(2);
        byte[] before = test.Entries;
        for (int i = 0; i < 4; i++)
        {
            using (AuditLog log = test.Open())
            {
                log.Append(TestLog.Released(i));
                log.Append([TestLog.Released(i), TestLog.Released(i + 1)]);
            }
            byte[] after = test.Entries;
            Assert.True(after.Length > before.Length);
            Assert.Equal(before, after[..before.Length]);
            before = after;
        }
    }

    [Fact]
    public void An_opened_log_goes_on_where_it_was_and_says_nothing_when_nothing_happened()
    {
        using var test = new TestLog().With(3);
        byte[] before = test.Entries;
        using (AuditLog log = test.Open())
            Assert.Equal(3, log.Count);
        Assert.Equal(before, test.Entries);
        using (AuditLog log = test.Open())
            Assert.Equal(3, log.Append(TestLog.Released(1)).Seq);
        Assert.Equal(new AuditVerification(4, 4, 0, null), test.Reader.Verify());
    }

    [Fact]
    [Trait("Spec", "P-14")]
    public void A_log_is_made_once_and_a_vanished_one_is_never_taken_for_new()
    {
        using var test = new TestLog();
        Assert.Equal(ExitCode.NotFound, Refusal(() => test.Open()));
        Assert.Equal(ExitCode.NotFound, Refusal(() => test.Reader.Verify()));
        test.Create().Dispose();
        Assert.Equal(new AuditVerification(0, 0, 0, null), test.Reader.Verify());
        Assert.Equal(ExitCode.Refused, Refusal(() => test.Create()));
        File.Delete(test.CheckpointPath);
        Assert.Null(test.Break().Entry);
        Assert.Equal(ExitCode.Damaged, Refusal(() => test.Open()));
    }

    [Fact]
    public void A_log_that_was_half_made_is_completed()
    {
        using var test = new TestLog();
        Directory.CreateDirectory(test.AuditDir);
        test.Entries = [];
        using AuditLog log = test.Create();
        Assert.Equal(0, log.Append(TestLog.Released(1)).Seq);
    }

    [Fact]
    [Trait("Spec", "P-18")]
    public void A_second_appender_is_refused_until_the_first_is_gone()
    {
        using var test = new TestLog();
        using (AuditLog log = test.Create())
        {
            Assert.Equal(ExitCode.Busy, Refusal(() => test.Open()));
            log.Append(TestLog.Released(1));
        }
        using AuditLog second = test.Open();
        Assert.Equal(1, second.Append(TestLog.Released(2)).Seq);
    }

    [Fact]
    public void Threads_of_one_process_append_one_after_the_other()
    {
        using var test = new TestLog();
        using (AuditLog log = test.Create())
            Parallel.For(0, 4, worker => { for (int i = 0; i < 25; i++) log.Append(TestLog.Released(worker * 100 + i)); });
        Assert.Equal(new AuditVerification(100, 100, 0, null), test.Reader.Verify());
        Assert.Equal(100, test.Reader.Read().Select(e => e.Detail["count"].Number).Distinct().Count());
    }

    [Fact]
    [Trait("Spec", "P-19")]
    public void An_event_that_is_none_is_a_bug_that_leaves_the_log_as_it_was()
    {
        using var test = new TestLog().With(1);
        byte[] before = test.Entries;
        using AuditLog log = test.Open();
        Assert.Throws<ArgumentException>(() => log.Append(TestLog.Released(1) with { Actor = "alice" }));
        Assert.Throws<ArgumentException>(() => log.Append(TestLog.Released(1) with { Session = "my session" }));
        Assert.Throws<ArgumentException>(() => log.Append([TestLog.Released(1), TestLog.Released(-1)]));
        Assert.Throws<ArgumentOutOfRangeException>(() => log.Append([]));
        Assert.Equal(before, test.Entries);
        Assert.False(log.IsPoisoned);
        Assert.Equal(1, log.Append(TestLog.Released(1)).Seq);
    }

    [Fact]
    [Trait("Spec", "P-17")]
    [Trait("Threat", "T-19")]
    public void When_the_key_cannot_sign_nothing_is_appended_any_more()
    {
        using var test = new TestLog().With(1);
        using (AuditLog log = test.Open())
        {
            test.Signer.Fails = true;
            Assert.Equal(ExitCode.Damaged, Refusal(() => log.Append(TestLog.Released(1))));
            test.Signer.Fails = false;
            Assert.True(log.IsPoisoned);
            Assert.Equal(ExitCode.Damaged, Refusal(() => log.Append(TestLog.Released(1))));
        }
        using AuditLog again = test.Open();
        Assert.Equal(["keys-released", "keys-released", "log-recovered"], test.Reader.Read().Select(e => e.Event));
    }

    [Fact]
    public void The_list_is_narrowed_by_time_event_and_session()
    {
        using var test = new TestLog();
        using AuditLog log = test.Create();
        log.Append(new AuditEvent(AuditKind.PodInit, AuditOutcome.Ok));
        test.Clock.Now += TimeSpan.FromHours(1);
        log.Append(new AuditEvent(AuditKind.UnlockFail, AuditOutcome.Refused) { Actor = "00112233445566778899aabbccddeeff" });
        log.Append(TestLog.Released(5));
        Assert.Equal([1L, 2], Seqs(new AuditFilter(Since: test.Clock.Now)));
        Assert.Equal([1L], Seqs(new AuditFilter(Event: "unlock-fail")));
        Assert.Equal([2L], Seqs(new AuditFilter(Session: TestLog.Session)));
        Assert.Equal([], Seqs(new AuditFilter(Event: "unlock-fail", Session: TestLog.Session)));
        Assert.Equal([0L, 1, 2], Seqs(null));

        IEnumerable<long> Seqs(AuditFilter? filter) => test.Reader.Read(filter).Select(e => e.Seq);
    }

    [Fact]
    [Trait("Spec", "P-26")]
    public void Each_entry_has_a_proof_that_holds_for_it_alone()
    {
        using var test = new TestLog().With(13);
        using var thief = new TestSigner(seed: 2);
        for (int i = 0; i < 13; i++)
        {
            AuditProof proof = test.Reader.Prove(i);
            Assert.True(proof.Verify(test.Signer.LogKey));
            Assert.False(proof.Verify(thief.LogKey));
            Assert.False((proof with { Index = (i + 1) % 13 }).Verify(test.Signer.LogKey));
            byte[] changed = [.. proof.Entry];
            changed[20] ^= 1;
            Assert.False((proof with { Entry = changed }).Verify(test.Signer.LogKey));
            Assert.Contains($"\"count\":{100 + i}", Encoding.UTF8.GetString(proof.Entry));
            string[] lines = proof.ToTlogProof().Split('\n');
            Assert.Equal(["c2sp.org/tlog-proof@v1", $"index {i}"], lines[..2]);
            Assert.Equal(["", test.Signer.Name, "13"], lines[(2 + proof.Hashes.Count)..][..3]);
        }
        Assert.Equal(ExitCode.NotFound, Refusal(() => test.Reader.Prove(13)));
        Assert.Equal(ExitCode.NotFound, Refusal(() => test.Reader.Prove(-1)));
    }

    [Fact]
    public void The_files_are_for_the_owner_alone()
    {
        using var test = new TestLog().With(1);
        Assert.Equal("700", Mode(test.AuditDir));
        Assert.Equal("600", Mode(test.EntriesPath));
        Assert.Equal("600", Mode(test.CheckpointPath));

        static string Mode(string path) => Convert.ToString((int)(OperatingSystem.IsLinux() ? File.GetUnixFileMode(path) : 0), 8);
    }

    [Fact]
    [Trait("Spec", "P-20")]
    public void Ten_thousand_entries_are_appended_in_batches_verified_and_gone_on_from()
    {
        using var test = new TestLog();
        var clock = Stopwatch.StartNew();
        using (AuditLog log = test.Create())
        {
            for (int i = 0; i < 10_000; i += 50)
                log.Append([.. Enumerable.Range(i, 50).Select(n => TestLog.Released(n))]);
        }
        TimeSpan append = clock.Elapsed;
        clock.Restart();
        Assert.Equal(new AuditVerification(10_000, 10_000, 0, null), test.Reader.Verify());
        TimeSpan verify = clock.Elapsed;
        clock.Restart();
        using (AuditLog log = test.Open())
        {
            for (int i = 0; i < 100; i++)
                log.Append(TestLog.Released(i));
        }
        output.WriteLine($"10,000 appended in batches of 50: {append.TotalMilliseconds:0} ms; verified: {verify.TotalMilliseconds:0} ms; "
            + $"opened and 100 single appends: {clock.ElapsedMilliseconds} ms; "
                + $"{new FileInfo(test.EntriesPath).Length / 10_100} bytes an entry.");
        // Bounds against a hang, or work that grows with the square of the entries: an append is three syncs of a disk, however slow that is.
        Assert.InRange(append, TimeSpan.Zero, TimeSpan.FromMinutes(5));
        Assert.InRange(verify, TimeSpan.Zero, TimeSpan.FromMinutes(1));
    }
}
