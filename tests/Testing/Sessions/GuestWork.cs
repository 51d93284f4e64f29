namespace VmPod.Testing;

/// <summary>Work in the guest whose result can be looked at later: a file of random bytes, rows of a database.</summary>
public static class GuestWork
{
    private const string File = "/root/work.bin", Database = "/root/work.db";

    /// <summary>Writes more of both, and flushes. What <see cref="LookAsync"/> must say from now on.</summary>
    public static async Task<string> DoAsync(GuestAgent agent, int mebibytes = 4, int rows = 200, CancellationToken cancellation = default)
    {
        await MustAsync(agent, $"head -c {mebibytes}M /dev/urandom >> {File} && sync {File}", cancellation);
        await MustAsync(agent, $"sqlite3 {Database} 'create table if not exists t(i integer primary key, v text); with recursive c(i) as "
            + $"(select 1 union all select i + 1 from c where i < {rows}) insert into t(v) select hex(randomblob(32)) from c;'", cancellation);
        return await LookAsync(agent, cancellation);
    }

    /// <summary>As <see cref="DoAsync"/>, and so that a loss of power takes none of it: a transaction of SQLite is safe only once its journal's end is flushed
    /// too.</summary>
    public static async Task<string> DoFlushedAsync(GuestAgent agent, int mebibytes, int rows, CancellationToken cancellation = default)
    {
        string work = await DoAsync(agent, mebibytes, rows, cancellation);
        _ = await MustAsync(agent, "sync", cancellation);
        return work;
    }

    /// <summary>What is there: the file's sum, the database's sum and check.</summary>
    public static Task<string> LookAsync(GuestAgent agent, CancellationToken cancellation = default) =>
        MustAsync(agent, $"sha256sum < {File} && sqlite3 {Database} 'pragma integrity_check; select count(*) from t; select * from t' | sha256sum",
            cancellation);

    /// <summary>Writes a new file of random bytes, and flushes. What <see cref="SumAsync"/> must say of it.</summary>
    public static async Task<string> WriteFileAsync(GuestAgent agent, string path, CancellationToken cancellation = default)
    {
        await MustAsync(agent, $"head -c 300000 /dev/urandom > {path} && sync {path} && sync $(dirname {path})", cancellation);
        return await SumAsync(agent, path, cancellation);
    }

    /// <summary>Writes a new file of random bytes, more than a cell holds, and flushes all that there is, in one command. The file's sum.</summary>
    public static Task<string> WriteAndFlushAsync(GuestAgent agent, string path, CancellationToken cancellation = default) =>
        MustAsync(agent, $"head -c 300000 /dev/urandom > {path} && sync && sha256sum < {path}", cancellation);

    /// <summary>The sum of a file.</summary>
    public static Task<string> SumAsync(GuestAgent agent, string path, CancellationToken cancellation = default) =>
        MustAsync(agent, $"sha256sum < {path}", cancellation);

    /// <summary>Starts something that writes and flushes from now on, several times a second.</summary>
    public static async Task KeepWritingAsync(GuestAgent agent, CancellationToken cancellation = default) => _ = await MustAsync(agent,
        "nohup sh -c 'while :; do head -c 100000 /dev/urandom > /root/busy && sync /root/busy && sleep 0.1; done' > /dev/null 2>&1 &", cancellation);

    /// <summary>Alters one byte of the heap that the witness keeps, behind the witness's back: what a resume must never do.</summary>
    /// <returns>The command that gives the byte back its value.</returns>
    public static async Task<Func<Task>> AlterHeapAsync(GuestAgent agent, CancellationToken cancellation = default)
    {
        int pid = (await agent.PingAsync(cancellation: cancellation)).Pid;
        await Flip();
        return Flip;

        async Task Flip() => await MustAsync(agent, $$"""
            python3 - <<'END'
            pid, mark = {{pid}}, b'vmpod-heap000100'
            for line in open(f'/proc/{pid}/maps'):
                start, end = (int(n, 16) for n in line.split()[0].split('-'))
                if end - start < 48 << 20 or ' rw' not in line:
                    continue
                with open(f'/proc/{pid}/mem', 'r+b', buffering=0) as memory:
                    page = next((a for a in range(start, end, 4096) if memory.seek(a) == a and memory.read(16) == mark), None)
                    if page is None:
                        continue
                    memory.seek(page + 2000)
                    byte = memory.read(1)
                    memory.seek(page + 2000)
                    memory.write(bytes([byte[0] ^ 1]))
                    raise SystemExit(0)
            raise SystemExit('no heap')
            END
            """, cancellation);
    }

    private static async Task<string> MustAsync(GuestAgent agent, string command, CancellationToken cancellation)
    {
        GuestCommand done = await agent.ShAsync(command, cancellation: cancellation);
        return done.ExitCode == 0 ? done.Output : throw new InvalidOperationException($"In the guest: {command}: {done.ExitCode}: {done.Output}");
    }
}
