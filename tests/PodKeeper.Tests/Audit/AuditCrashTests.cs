using VmPod.Audit;
using Xunit;

namespace VmPod.PodKeeper.Tests.Audit;

/// <summary>What a crash leaves at each moment of an append (SPEC.md P-15): file states first, then a process that is killed.</summary>
[Trait("Threat", "T-13")]
public sealed class AuditCrashTests
{
    /// <summary>A log of 3 entries: its bytes, and those after an append of 2 more whose checkpoint a crash prevented.</summary>
    private static (TestLog Test, byte[] Before, byte[] After) Crashed()
    {
        TestLog test = new TestLog().With(3);
        (byte[] before, byte[] checkpoint) = (test.Entries, test.Checkpoint);
        using (AuditLog log = test.Open())
            log.Append([TestLog.Released(1), TestLog.Released(2)]);
        byte[] after = test.Entries;
        test.Checkpoint = checkpoint;
        return (test, before, after);
    }

    [Fact]
    [Trait("Spec", "P-25")]
    [Trait("Spec", "P-22")]
    public void Entries_that_were_written_and_not_yet_signed_are_kept_signed_and_counted()
    {
        (TestLog test, _, byte[] after) = Crashed();
        using TestLog owned = test;
        Assert.Equal(new AuditVerification(5, 3, 0, null), test.Reader.Verify());
        using (AuditLog log = test.Open())
            Assert.Equal(6, log.Count);
        AuditEntry recovered = test.Reader.Read().Last();
        Assert.Equal(("log-recovered", 0, 2), (recovered.Event, recovered.Detail["cutBytes"].Number, recovered.Detail["unsigned"].Number));
        Assert.Equal(after, test.Entries[..after.Length]);
        Assert.Equal(new AuditVerification(6, 6, 0, null), test.Reader.Verify());
    }

    [Fact]
    [Trait("Spec", "P-21")]
    public void A_torn_append_of_any_length_is_cut_off_and_the_cut_is_logged()
    {
        (TestLog test, byte[] before, byte[] after) = Crashed();
        using TestLog owned = test;
        byte[] checkpoint = test.Checkpoint;
        for (int length = before.Length + 1; length < after.Length; length++)
        {
            (test.Entries, test.Checkpoint) = (after[..length], checkpoint);
            AuditVerification torn = test.Reader.Verify();
            Assert.True(torn.IsIntact);
            using (AuditLog log = test.Open())
                Assert.Equal(torn.Entries + 1, log.Count);
            AuditEntry recovered = test.Reader.Read().Last();
            Assert.Equal("log-recovered", recovered.Event);
            Assert.Equal((torn.TornBytes, torn.Entries - 3), (recovered.Detail["cutBytes"].Number, recovered.Detail["unsigned"].Number));
            Assert.Equal(new AuditVerification(torn.Entries + 1, torn.Entries + 1, 0, null), test.Reader.Verify());
        }
    }

    [Fact]
    [Trait("Spec", "P-21")]
    public void Pages_that_never_reached_the_disk_read_as_zeros_and_are_cut_off()
    {
        (TestLog test, byte[] before, byte[] after) = Crashed();
        using TestLog owned = test;
        byte[] checkpoint = test.Checkpoint;
        for (int from = before.Length; from < after.Length; from += 7)
        {
            byte[] zeroed = [.. after];
            zeroed.AsSpan(from).Clear();
            (test.Entries, test.Checkpoint) = (zeroed, checkpoint);
            using (AuditLog log = test.Open())
                Assert.InRange(log.Count, 4, 5);
            Assert.True(test.Reader.Verify() is { IsIntact: true, TornBytes: 0 });
        }
    }

    [Fact]
    [Trait("Spec", "P-25")]
    public void An_entry_after_the_signed_ones_that_does_not_follow_them_is_no_crash()
    {
        (TestLog test, byte[] before, _) = Crashed();
        using TestLog owned = test;
        using TestLog other = new TestLog().With(5);
        test.Entries = [.. before, .. other.Records[4]];
        Assert.Equal(3, test.Break().Entry);
        byte[] changed = [.. before, .. other.Records[3]];
        changed[before.Length + 30] ^= 1;
        test.Entries = changed;
        Assert.True(test.Reader.Verify() is { IsIntact: true, Signed: 3 });
    }

    [Fact]
    public void A_half_written_new_checkpoint_is_without_meaning()
    {
        using var test = new TestLog().With(3);
        File.WriteAllText(Path.Combine(test.AuditDir, "checkpoint.new"), new string('x', 3000));
        Assert.True(test.Reader.Verify().IsIntact);
        using AuditLog log = test.Open();
        log.Append(TestLog.Released(1));
        Assert.True(test.Reader.Verify() is { IsIntact: true, Signed: 4 });
    }

    [Theory]
    [Trait("Spec", "P-15")]
    [InlineData("pwrite64", 3)]
    [InlineData("fdatasync", 3)]
    [InlineData("pwrite64", 4)]
    [InlineData("fsync", 7)]
    [InlineData("fsync", 8)]
    [InlineData("/^rename", 3)]
    public void A_process_killed_anywhere_in_an_append_loses_no_entry_that_it_was_told_of(string call, int time)
    {
        using var test = new TestLog();
        AuditChild.Result result = AuditChild.RunUnderStrace(test,
            nameof(AuditChild.Appends_until_it_is_killed), $"{call}:signal=KILL:when={time}");
        Assert.True(result.ExitCode != 0, "The child was not killed.");
        long told = AuditChild.Told(test);
        AuditVerification state = test.Reader.Verify();
        Assert.True(state.IsIntact);
        Assert.InRange(state.Entries, told, told + 1);
        Assert.InRange(state.Signed, told, told + 1);
        Assert.InRange(told, 0, 5);
        using (AuditLog log = test.Open())
            log.Append(TestLog.Released(1));
        Assert.True(test.Reader.Verify() is { IsIntact: true, TornBytes: 0 });
    }
}
