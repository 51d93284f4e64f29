using Xunit;

namespace VmPod.Vault.Tests.Crash;

/// <summary>
/// The real thing (SECURITY.md R5 to R7): a put, a live tip and a commit, killed at every call that changes the disk, and with every error at every such
/// call. strace counts and injects. A sample in each run; all points with VMPOD_SOAK=50.
/// </summary>
[Trait("Threat", "T-13")]
[Trait("Threat", "T-20")]
public sealed class SyscallFaultTests(ITestOutputHelper output)
{
    [Fact]
    [Trait("Spec", "V-38")]
    [Trait("Spec", "V-60")]
    public void After_kill_9_at_any_call_all_that_was_acknowledged_is_there_and_the_next_put_works()
    {
        using var bench = new FaultBench(FaultWork.Writing);
        int points = 0, killed = 0, at = 0, step = Soak.Step(6);
        foreach ((string call, int count) in bench.Count())
        {
            for (int when = 1; when <= count; when++)
            {
                points++;
                if (at++ % step != 0)
                    continue;
                (int code, string[] said) = bench.Run($"inject={call}:signal=SIGKILL:when={when}");
                killed++;
                Assert.True(code is 128 + 9 or FaultWork.Done, $"{call} {when}: ended with {code}");
                bench.Check($"killed at {call} {when}", said);
            }
        }
        output.WriteLine($"{killed} of {points} points killed, 0 acknowledged commits lost");
        // How many of the calls one thread makes, and so can be named by their number, is the scheduler's.
        Assert.True(bench.Calls >= 60 && points >= 20 && (step > 1 || killed == points), $"{bench.Calls} calls, {points} points, {killed} killed");
    }

    [Theory]
    [InlineData("signal=SIGKILL", 41)]
    [InlineData("error=EIO", 47)]
    [InlineData("error=ENOSPC", 47)]
    [Trait("Spec", "V-161")]
    [Trait("Spec", "V-168")]
    [Trait("Spec", "V-169")]
    public void A_fault_at_any_call_of_forget_gc_clean_and_squash_loses_nothing_and_all_of_them_can_be_done_again(string fault, int sample)
    {
        using var bench = new FaultBench(FaultWork.House);
        int points = 0, tried = 0, step = Soak.Step(sample);
        foreach ((string call, int count) in bench.Count())
        {
            for (int when = 1; when <= count; when++)
            {
                if (points++ % step != 0)
                    continue;
                tried++;
                (int code, string[] said) = bench.Run($"inject={call}:{fault}:when={when}");
                Assert.True(code is 128 + 9 or FaultWork.Done or FaultWork.Refused, $"{fault} of {call} {when}: ended with {code}: {string.Join(", ", said)}");
                bench.Check($"{fault} of {call} {when}", said);
            }
        }
        output.WriteLine($"{fault}: {tried} of {points} calls, 0 losses");
        Assert.True(bench.Calls >= 60 && points >= 20, $"{bench.Calls} calls, {points} points");
    }

    [Theory]
    [InlineData("EIO", 9)]
    [InlineData("ENOSPC", 9)]
    [InlineData("EDQUOT", 9)]
    [InlineData("EINTR", 23)]
    [Trait("Spec", "V-61")]
    [Trait("Spec", "V-67")]
    public void An_error_of_any_call_is_never_acknowledged_and_loses_nothing(string error, int sample)
    {
        using var bench = new FaultBench(FaultWork.Writing);
        int points = 0, tried = 0, failed = 0, poisoned = 0, wentOn = 0, at = 0, step = Soak.Step(sample);
        foreach ((string call, int count) in bench.Count())
        {
            for (int when = 1; when <= count; when++)
            {
                points++;
                // Of the syncs all in every run: that none of them is forgiven is what the store stands on.
                bool isSync = call is "fdatasync" or "fsync" && error == "EIO" && Soak.Rounds > 1;
                if (at++ % step != 0 && !isSync)
                    continue;
                (int code, string[] said) = bench.Run($"inject={call}:error={error}:when={when}");
                tried++;
                Assert.True(code is FaultWork.Done or FaultWork.Refused, $"{error} of {call} {when}: ended with {code}: {string.Join(", ", said)}");
                failed += code == FaultWork.Refused ? 1 : 0;
                poisoned += said.Any(s => s.Contains("poisoned", StringComparison.Ordinal)) ? 1 : 0;
                wentOn += said.Contains("again") ? 1 : 0;
                bench.Check($"{error} of {call} {when}", said);
            }
        }
        output.WriteLine($"{error}: {tried} of {points} calls, {failed} failed the work, {poisoned} of them for good, {wentOn} times it went on at once");
        Assert.True(error == "EINTR" || failed > 0, $"{failed} of {tried}");
    }
}
