using System.Globalization;
using VmPod.Testing;
using Xunit;

namespace VmPod.EndToEnd;

/// <summary>kill -9 of hostguard while SQLite writes in the guest (rule 6).</summary>
public sealed class CrashTests(BasePod pod)
{
    // Enough to catch a broken order on a usual day; VMPOD_SOAK=200 is the bar of the design.
    private static int Rounds => int.TryParse(Environment.GetEnvironmentVariable("VMPOD_SOAK"), CultureInfo.InvariantCulture, out int rounds) ? rounds : 2;

    // Each row is a transaction with synchronous=full, so it is flushed when it is acknowledged.
    private const string Writer = """
        cat > /root/writer.py <<'END'
        import os, sqlite3, sys
        db = sqlite3.connect('/root/crash.db')
        db.execute('pragma journal_mode=wal')
        db.execute('pragma synchronous=full')
        db.execute('create table if not exists rows(n integer primary key)')
        db.commit()
        n = db.execute('select coalesce(max(n), 0) from rows').fetchone()[0]
        while True:
            n += 1
            db.execute('insert into rows values(?)', (n,))
            db.commit()
            with open('/run/acknowledged.new', 'w') as f:
                f.write(str(n))
            os.rename('/run/acknowledged.new', '/run/acknowledged')
        END
        nohup python3 /root/writer.py > /dev/null 2>&1 &
        """;

    [Theory]
    [InlineData("host")]
    [InlineData("pod")]
    public async Task After_kill_9_of_hostguard_the_disk_is_whole_and_rows_are_lost_only_from_the_end(string flush)
    {
        await using PodCopy copy = await pod.CopyAsync();
        for (int round = 0; round < Rounds; round++)
        {
            long acknowledged;
            await using (TestSession session = round == 0 ? await copy.ResumeAsync("--flush", flush) : await copy.BootAsync("--flush", flush))
            {
                await session.Agent.ShAsync(Writer);
                await Task.Delay(TimeSpan.FromSeconds(2 + (round % 7)), TestContext.Current.CancellationToken);
                acknowledged = long.Parse((await session.Agent.ShAsync("cat /run/acknowledged")).Output, CultureInfo.InvariantCulture);
                Assert.True(acknowledged > 0);
                await PodCopy.CrashAsync(session);
            }
            await using TestSession booted = await copy.BootAsync();
            string found = (await booted.Agent.ShAsync("""
                python3 - <<'END'
                import os, sqlite3
                count = highest = 0
                if os.path.exists('/root/crash.db'):
                    db = sqlite3.connect('/root/crash.db')
                    assert db.execute('pragma integrity_check').fetchone()[0] == 'ok'
                    if db.execute("select count(*) from sqlite_master where name='rows'").fetchone()[0]:
                        count, highest = db.execute('select count(*), coalesce(max(n), 0) from rows').fetchone()
                print(count, highest)
                END
                """)).Output.Trim();
            Assert.Matches("^[0-9]+ [0-9]+$", found);
            long[] rows = [.. found.Split(' ').Select(n => long.Parse(n, CultureInfo.InvariantCulture))];
            // Rows are numbered without a gap: a later one without an earlier one would show as fewer rows than the highest number.
            Assert.Equal(rows[1], rows[0]);
            if (flush == "pod")
                Assert.True(rows[1] >= acknowledged, $"Round {round}: {acknowledged} rows were acknowledged, {rows[1]} are there.");
            await PodCopy.EndAsync(booted);
            await CheckDiskAsync(copy, round);
        }
    }

    // The guest's kernel replayed the journal when it booted, and the guest was suspended with the disk mounted: what a mount would replay is replayed
    // first, and then nothing may be wrong.
    private static async Task CheckDiskAsync(PodCopy copy, int round)
    {
        string folder = copy.Folder[$"disk-{round}"];
        _ = await BasePod.PodKeeperAsync("get", copy.Pod, BasePod.Session, folder);
        string disk = Path.Join(folder, "disk");
        CliResult replay = await new CliRunner(SystemTools.Find("e2fsck")).RunAsync(["-p", disk]);
        Assert.InRange(replay.ExitCode, 0, 1);
        (await new CliRunner(SystemTools.Find("fsck.ext4")).RunAsync(["-f", "-n", disk])).MustSucceed();
        Directory.Delete(folder, recursive: true);
    }
}
