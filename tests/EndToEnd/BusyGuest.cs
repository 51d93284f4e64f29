using System.Globalization;
using VmPod.Testing;
using Xunit;

namespace VmPod.EndToEnd;

/// <summary>Work in the guest whose order of writes can be judged later from the disk alone: rows of a database, and files beside them.</summary>
/// <remarks>A row is acknowledged after its transaction was flushed; before it, its number and a file of its own were flushed. So on any disk that a cut
/// leaves, rows have no gap, the file of the highest row is there, and the number that was flushed is that row's or the next one's.</remarks>
/// <param name="Check">What SQLite says of its database: "ok".</param>
/// <param name="Rows">How many rows there are.</param>
/// <param name="Highest">Number of the last one.</param>
/// <param name="Before">The number that was flushed before a row.</param>
/// <param name="HasFile">Whether the file of the last row is there, whole.</param>
internal sealed record BusyGuest(string Check, long Rows, long Highest, long Before, bool HasFile)
{
    // The writer of a checkpoint's memory would go on beside the new one.
    private const string Writer = """
        [ ! -f /run/busy-pid ] || kill -9 $(cat /run/busy-pid)
        rm -f /run/busy-acknowledged; mkdir -p /root/busy
        cat > /root/busy.py <<'END'
        import hashlib, os, sqlite3
        def flushed(path, content):
            with open(path, 'wb') as f:
                f.write(content)
                f.flush()
                os.fsync(f.fileno())
        before = os.open('/root/busy/before', os.O_RDWR | os.O_CREAT, 0o600)
        db = sqlite3.connect('/root/busy.db')
        db.execute('pragma journal_mode=wal')
        db.execute('pragma synchronous=full')
        db.execute('create table if not exists rows(n integer primary key, filler blob)')
        db.commit()
        n = db.execute('select coalesce(max(n), 0) from rows').fetchone()[0]
        while True:
            n += 1
            # 20 files in turn; each says whose it is, and its sum.
            content = b'%020d' % n + os.urandom(30000)
            flushed(f'/root/busy/{n % 20}.part', content + hashlib.sha256(content).digest())
            os.rename(f'/root/busy/{n % 20}.part', f'/root/busy/{n % 20}')
            folder = os.open('/root/busy', os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
            os.pwrite(before, b'%020d' % n, 0)
            os.fsync(before)
            db.execute('insert into rows values(?, ?)', (n, os.urandom(2000)))
            db.commit()
            with open('/run/busy-acknowledged.new', 'w') as f:
                f.write(str(n))
            os.rename('/run/busy-acknowledged.new', '/run/busy-acknowledged')
        END
        nohup python3 /root/busy.py > /dev/null 2>&1 &
        echo $! > /run/busy-pid
        """;

    private const string Look = """
        import hashlib, os, sqlite3, sys
        root, check, rows, highest, before, has = sys.argv[1], 'ok', 0, 0, 0, True
        if os.path.exists(root + '/busy.db'):
            db = sqlite3.connect(root + '/busy.db')
            check = db.execute('pragma integrity_check').fetchone()[0]
            if db.execute("select count(*) from sqlite_master where name='rows'").fetchone()[0]:
                rows, highest = db.execute('select count(*), coalesce(max(n), 0) from rows').fetchone()
        if os.path.exists(root + '/busy/before'):
            before = int(open(root + '/busy/before').read() or 0)
        if highest:
            content = open(f'{root}/busy/{highest % 20}', 'rb').read()
            # The file of this row; the next one at its place is written 19 rows later.
            has = hashlib.sha256(content[:-32]).digest() == content[-32:] and int(content[:20]) == highest
        print(check, rows, highest, before, has)
        """;

    /// <summary>Every write that was flushed before another one that is there is there too.</summary>
    public bool IsInOrder => Check == "ok" && Rows == Highest && HasFile && Before >= Highest && Before <= Highest + 1;

    /// <summary>Starts it.</summary>
    public static async Task StartAsync(TestSession session) => _ = await session.Agent.ShAsync(Writer);

    /// <summary>The newest row that was acknowledged, once it is more than this.</summary>
    public static Task<long> AcknowledgedAsync(TestSession session, long more) => AcknowledgedAsync(session, more, "/run/busy-acknowledged");

    /// <summary>The number that the guest keeps in a file of its own, once it is more than this.</summary>
    public static async Task<long> AcknowledgedAsync(TestSession session, long more, string file)
    {
        for (int i = 0; i < 6000; i++)
        {
            string said = (await session.Agent.ShAsync($"cat {file} 2> /dev/null || echo 0")).Output;
            if (long.Parse(said, CultureInfo.InvariantCulture) is long rows && rows > more)
                return rows;
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
        throw new TimeoutException($"The guest has not written more than {more} rows.");
    }

    /// <summary>Looks at the guest's own disk.</summary>
    public static async Task<BusyGuest> LookInsideAsync(TestSession session) =>
        Parse((await session.Agent.ShAsync($"python3 - /root <<'END'\n{Look}\nEND")).Output);

    /// <summary>Looks at a copy of its disk, which must be clean by e2fsck.</summary>
    /// <param name="disk">The copy (<see cref="TipDisk"/>).</param>
    /// <param name="folder">A folder that may be filled, and is emptied again.</param>
    public static async Task<BusyGuest> LookOutsideAsync(string disk, string folder)
    {
        string busy = Directory.CreateDirectory(Path.Join(folder, "busy")).FullName;
        foreach (string name in (string[])["busy.db", "busy.db-wal"])
            await TipDisk.CopyAsync(disk, "/root/" + name, Path.Join(folder, name));
        await TipDisk.CopyAsync(disk, "/root/busy/before", Path.Join(busy, "before"));
        for (int i = 0; i < 20; i++)
            await TipDisk.CopyAsync(disk, $"/root/busy/{i}", Path.Join(busy, $"{i}"));
        CliResult looked = await new CliRunner(SystemTools.Find("python3")).RunAsync(["-", folder], stdin: System.Text.Encoding.UTF8.GetBytes(Look));
        Directory.Delete(folder, recursive: true);
        return Parse(looked.MustSucceed().Output);
    }

    private static BusyGuest Parse(string line) => line.Trim().Split(' ') is [string check, string rows, string highest, string before, string has]
        ? new BusyGuest(check, long.Parse(rows, CultureInfo.InvariantCulture), long.Parse(highest, CultureInfo.InvariantCulture),
            long.Parse(before, CultureInfo.InvariantCulture), has == "True")
        : throw new FormatException($"The guest said: {line}");
}
