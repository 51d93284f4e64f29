using System.Globalization;
using VmPod.Testing;
using Xunit;

namespace VmPod.EndToEnd;

/// <summary>kill -9 of hostguard, and of the pod's key agent, while SQLite writes in the guest (rule 6).</summary>
/// <remarks>
/// Most rounds resume from the same checkpoint, which is quick, and look at the disk of the tip from outside. Some then boot from that tip, look from
/// inside, and crash once more on top.
/// </remarks>
public sealed class CrashTests(BasePod pod)
{
    private const int BootEvery = 20, AgentEvery = 3;

    // One round kills twice: under a resumed machine, and under one that was booted from what that left.
    private static readonly int Rounds = SoakRounds.Of(1);

    // A row is a transaction with synchronous=full, so it is flushed when it is acknowledged; its number was flushed to /root/before first.
    private const string Writer = """
        cat > /root/writer.py <<'END'
        import os, sqlite3
        before = os.open('/root/before', os.O_RDWR | os.O_CREAT, 0o600)
        db = sqlite3.connect('/root/crash.db')
        db.execute('pragma journal_mode=wal')
        db.execute('pragma synchronous=full')
        db.execute('create table if not exists rows(n integer primary key)')
        db.commit()
        n = db.execute('select coalesce(max(n), 0) from rows').fetchone()[0]
        while True:
            n += 1
            os.pwrite(before, b'%020d' % n, 0)
            os.fsync(before)
            db.execute('insert into rows values(?)', (n,))
            db.commit()
            with open('/run/acknowledged.new', 'w') as f:
                f.write(str(n))
            os.rename('/run/acknowledged.new', '/run/acknowledged')
        END
        nohup python3 /root/writer.py > /dev/null 2>&1 &
        """;

    // What is found after the crash: in the guest, and outside in what was copied out of its disk.
    private const string Look = """
        import os, sqlite3, sys
        check, count, highest, before = 'ok', 0, 0, 0
        if os.path.exists(sys.argv[1] + '/crash.db'):
            db = sqlite3.connect(sys.argv[1] + '/crash.db')
            check = db.execute('pragma integrity_check').fetchone()[0]
            if db.execute("select count(*) from sqlite_master where name='rows'").fetchone()[0]:
                count, highest = db.execute('select count(*), coalesce(max(n), 0) from rows').fetchone()
        if os.path.exists(sys.argv[1] + '/before'):
            before = int(open(sys.argv[1] + '/before').read() or 0)
        print(check, count, highest, before)
        """;

    // What is mounted can be checked once nothing writes to it any more: the kernel makes it read-only, whoever has files open.
    private const string CheckInGuest = """
        echo u > /proc/sysrq-trigger
        for i in $(seq 1200); do grep -q '^/dev/vda / ext4 ro' /proc/mounts && exec e2fsck -f -n /dev/vda; sleep 0.1; done
        exit 99
        """;

    [Theory]
    [InlineData("host")]
    [InlineData("pod")]
    [Trait("Spec", "H-14")]
    [Trait("Threat", "T-13")]
    public async Task After_kill_9_the_disk_is_whole_and_rows_are_lost_only_from_the_end(string flush)
    {
        await using PodCopy copy = await pod.CopyAsync();
        int kills = 0, agentKills = 0, boots = 0;
        long acknowledgedAll = 0, lostAll = 0, lostMost = 0;
        for (int round = 1; round <= Rounds; round++)
        {
            bool killAgent = round % AgentEvery == 0 || Rounds < AgentEvery;
            Found found;
            await using (TestSession session = await copy.ResumeAsync("--flush", flush, "--drop-disk-changes"))
                found = await WriteAndCrashAsync(session, killAgent);
            if (round % BootEvery != 0 && round != Rounds)
                continue;
            // What was crashed can be booted, and crashed again.
            await using (TestSession booted = await copy.BootAsync("--flush", flush))
            {
                Assert.Equal(found, await LookFromInsideAsync(booted));
                found = await WriteAndCrashAsync(booted, killAgent: false);
            }
            await using TestSession last = await copy.BootAsync();
            Assert.Equal(found, await LookFromInsideAsync(last));
            GuestCommand fsck = await last.Agent.ShAsync(CheckInGuest);
            Assert.True(fsck.ExitCode == 0, fsck.Output);
            boots += 2;
            await PodCopy.CrashAsync(last);
        }
        SoakRounds.Say($"flush={flush}: {kills} kills of hostguard ({agentKills} with the key agent before), {boots} boots after one; "
            + $"{acknowledgedAll} rows acknowledged, {lostAll} lost, at most {lostMost} in a round");

        async Task<Found> WriteAndCrashAsync(TestSession session, bool killAgent)
        {
            // Before and after the first tip, which the host makes after 5 s of writing.
            double seconds = (flush == "pod" ? 0.5 : 3) + Random.Shared.NextDouble() * (flush == "pod" ? 3 : 6);
            await session.Agent.ShAsync(Writer);
            long acknowledged = await AcknowledgedAsync(session, more: 0);
            await Task.Delay(TimeSpan.FromSeconds(seconds), TestContext.Current.CancellationToken);
            if (killAgent)
            {
                // The session has its own keys: the agent's death is nothing to it.
                pod.KillAgent();
                agentKills++;
                acknowledged = await AcknowledgedAsync(session, more: acknowledged);
            }
            acknowledged = await AcknowledgedAsync(session, more: acknowledged - 1);
            await PodCopy.CrashAsync(session);
            kills++;
            if (killAgent)
                await pod.UnlockAsync();
            Found found = await LookFromOutsideAsync(copy);
            long lost = Math.Max(0, acknowledged - found.Highest);
            SoakRounds.Say($"flush={flush} kill {kills}: {acknowledged} acknowledged, {found.Highest} there, agent killed: {killAgent}");
            Assert.Equal("ok", found.Check);
            // Rows are numbered without a gap: a later one without an earlier one would show as fewer rows than the highest number.
            Assert.Equal(found.Highest, found.Count);
            Assert.True(found.Before >= found.Highest, $"Row {found.Highest} is there, but what was flushed before it stands at {found.Before}.");
            if (flush == "pod")
                Assert.True(lost == 0, $"Kill {kills}: {acknowledged} rows were acknowledged, {found.Highest} are there.");
            (acknowledgedAll, lostAll, lostMost) = (acknowledgedAll + acknowledged, lostAll + lost, Math.Max(lostMost, lost));
            return found;
        }
    }

    private static Task<long> AcknowledgedAsync(TestSession session, long more) => BusyGuest.AcknowledgedAsync(session, more, "/run/acknowledged");

    private static async Task<Found> LookFromInsideAsync(TestSession session) =>
        Found.Parse((await session.Agent.ShAsync($"python3 - /root <<'END'\n{Look}\nEND")).Output);

    private static async Task<Found> LookFromOutsideAsync(PodCopy copy)
    {
        string disk = await TipDisk.TakeAsync(copy.Pod, copy.PinFile, BasePod.Session, copy.InRam["tip"]);
        string folder = copy.InRam.Sub("found");
        foreach (string name in (string[])["crash.db", "crash.db-wal", "before"])
            await TipDisk.CopyAsync(disk, "/root/" + name, Path.Join(folder, name));
        CliResult looked = await new CliRunner(SystemTools.Find("python3")).RunAsync(["-", folder], stdin: System.Text.Encoding.UTF8.GetBytes(Look));
        Directory.Delete(folder, recursive: true);
        return Found.Parse(looked.MustSucceed().Output);
    }

    private sealed record Found(string Check, long Count, long Highest, long Before)
    {
        public static Found Parse(string line) => line.Trim().Split(' ') is [string check, string count, string highest, string before]
            ? new Found(check, long.Parse(count, CultureInfo.InvariantCulture), long.Parse(highest, CultureInfo.InvariantCulture),
                long.Parse(before, CultureInfo.InvariantCulture))
            : throw new FormatException($"The guest said: {line}");
    }
}
