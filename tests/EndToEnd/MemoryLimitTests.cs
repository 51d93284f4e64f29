using System.Globalization;
using VmPod.Testing;
using Xunit;

namespace VmPod.EndToEnd;

/// <summary>
/// Rule 15: a session lives in its guest's RAM and 300 MiB more, while its host collects garbage all the time. The kernel then takes pages of guest memory
/// back by asking hostguard to write them: had hostguard to allocate memory for that, or to touch its own mount, all would stand still or be killed.
/// </summary>
public sealed class MemoryLimitTests(BasePod pod)
{
    private const long GuestBytes = 512L << 20, RoomBytes = 300L << 20;
    private const int CollectionsMin = 200;

    // More than the guest has free, so that all of its RAM is touched and some of what was touched must go again.
    private const string UseAllMemory = "python3 -c \"b = [bytes([i % 251 + 1]) * (1 << 20) for i in range(300)]; print(sum(p[7] for p in b))\"";

    [Fact]
    public async Task A_session_resumes_works_and_is_suspended_within_its_guests_memory_and_300_MiB_while_garbage_is_collected_all_the_time()
    {
        using MemoryGroup group = MemoryGroup.Create(GuestBytes + RoomBytes);
        await TheLimitHolds(group);
        (long killedBefore, long reachedBefore) = (group.Killed, group.LimitReached);

        await using PodCopy copy = await pod.CopyAsync();
        string counts = copy.InRam.Sub("collections");
        var limited = new TestHost(copy.InRam["limited"], copy.Pod, pinFile: null, [.. group.Wrapper($"{StartupHook.FolderVariable}={counts}",
            $"DOTNET_STARTUP_HOOKS={typeof(StartupHook).Assembly.Location}")]);
        string work;
        await using (TestSession session = await limited.StartAsync("resume", BasePod.Session, []))
        {
            Assert.True((await pod.JudgeAsync(session.Agent)).Unbroken);
            GuestCommand used = await session.Agent.ShAsync(UseAllMemory);
            Assert.True(used.ExitCode == 0, used.Output);
            await PressAsync(group);
            work = await GuestWork.DoAsync(session.Agent, mebibytes: 16);
            WitnessVerdict verdict = await pod.JudgeAsync(session.Agent);
            Assert.True(verdict.Unbroken, verdict.ToString());
            long collections = long.Parse(await File.ReadAllTextAsync(Path.Join(counts, $"{session.HostGuardPid}")), CultureInfo.InvariantCulture);
            Assert.True(collections >= CollectionsMin, $"Only {collections} collections: nothing was shown.");
            await PodCopy.EndAsync(session);
        }
        Assert.Equal(killedBefore, group.Killed);
        Assert.True(group.LimitReached > reachedBefore, $"The limit was never reached ({group.PeakBytes >> 20} MiB at most): nothing was shown.");

        await using TestSession later = await copy.ResumeAsync();
        Assert.True((await pod.JudgeAsync(later.Agent)).Unbroken);
        Assert.Equal(work, await GuestWork.LookAsync(later.Agent));
    }

    // Another program's files fill what the session leaves, so that the limit is reached and the session's own pages must go, however few they are.
    private static async Task PressAsync(MemoryGroup group)
    {
        using var onDisk = new TempFolder();
        IReadOnlyList<string> wrapper = group.Wrapper();
        (await new CliRunner(SystemTools.Find("dd")).Inside([SystemTools.Find(wrapper[0]), .. wrapper.Skip(1)])
            .RunAsync(["if=/dev/zero", $"of={onDisk["pressure"]}", "bs=1M", "count=400", "conv=fsync"])).MustSucceed();
    }

    // Otherwise the test would show nothing.
    private static async Task TheLimitHolds(MemoryGroup group)
    {
        IReadOnlyList<string> wrapper = group.Wrapper();
        CliResult result = await new CliRunner(SystemTools.Find("python3")).Inside([SystemTools.Find(wrapper[0]), .. wrapper.Skip(1)])
            .RunAsync(["-c", "b = b'x' * (900 << 20)"]);
        Assert.Equal(128 + 9, result.ExitCode);
    }
}
