using VmPod.Audit;
using Xunit;

namespace VmPod.PodKeeper.Tests.Audit;

/// <summary>Errors of the kernel, injected by strace into a process of its own.</summary>
public sealed class AuditFaultTests
{
    [Fact]
    public void Without_a_fault_the_child_sees_none()
    {
        using var test = new TestLog();
        // Control: the child's test fails when no append throws, so the tests below are about the fault.
        AuditChild.Result result = AuditChild.RunUnderStrace(test,
            nameof(AuditChild.The_faulty_append_throws_and_all_later_ones_are_refused), null);
        Assert.NotEqual(0, result.ExitCode);
        Assert.Equal(0, result.Injected);
        Assert.Equal(20, test.Reader.Verify().Entries);
    }

    [Fact]
    [Trait("Spec", "P-15")]
    public void Each_append_makes_its_entry_durable_before_it_signs_and_the_checkpoint_before_it_answers()
    {
        using var test = new TestLog();
        AuditChild.Result result = AuditChild.RunUnderStrace(test, nameof(AuditChild.Appends_until_it_is_killed), null);
        Assert.True(result.ExitCode == 0, result.Output);
        string[] append =
        [
            "pwrite64 entries", "fdatasync entries",
            "pwrite64 checkpoint.new", "fsync checkpoint.new", "rename checkpoint.new", "fsync audit",
        ];
        int appended = result.Calls.FindIndex(call => call == append[0]);
        Assert.Equal(Enumerable.Repeat(append, 20).SelectMany(calls => calls), result.Calls[appended..].Select(c => c.Replace("renameat", "rename")));
    }

    [Theory]
    [Trait("Spec", "P-17")]
    [Trait("Threat", "T-20")]
    [InlineData("fdatasync:error=EIO:when=3")]
    [InlineData("fdatasync:error=ENOSPC:when=3")]
    [InlineData("fsync:error=EIO:when=8")]
    [InlineData("fsync:error=EIO:when=9")]
    [InlineData("/^rename:error=EIO:when=3")]
    [InlineData("pwrite64:error=EIO:when=4")]
    [InlineData("pwrite64:error=ENOSPC:when=4")]
    [InlineData("pwrite64:error=EDQUOT:when=5")]
    public void An_error_of_the_kernel_fails_the_append_and_every_later_one(string fault)
    {
        using var test = new TestLog();
        AuditChild.Result result = AuditChild.RunUnderStrace(test,
            nameof(AuditChild.The_faulty_append_throws_and_all_later_ones_are_refused), fault);
        Assert.True(result.ExitCode == 0, result.Output);
        Assert.Equal(1, result.Injected);
        long told = AuditChild.Told(test);
        Assert.InRange(told, 1, 5);
        AuditVerification state = test.Reader.Verify();
        Assert.True(state.IsIntact);
        Assert.InRange(state.Signed, told, told + 1);
        using AuditLog log = test.Open();
        log.Append(TestLog.Released(1));
        Assert.True(test.Reader.Verify().IsIntact);
    }
}
