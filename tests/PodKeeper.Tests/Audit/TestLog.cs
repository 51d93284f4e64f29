using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using VmPod.Audit;
using VmPod.Foundation;

namespace VmPod.PodKeeper.Tests.Audit;

/// <summary>A folder with a log, and what a thief or a crash does to its files.</summary>
internal sealed class TestLog : IDisposable
{
    internal const string Session = "5eed5eed5eed5eed";
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("vmpod-audit-");

    internal TestSigner Signer { get; } = new();

    internal TestClock Clock { get; } = new();

    internal string Dir => folder.FullName;

    internal string AuditDir => Path.Combine(Dir, "v1", "audit");

    internal string EntriesPath => Path.Combine(AuditDir, "entries");

    internal string CheckpointPath => Path.Combine(AuditDir, "checkpoint");

    internal AuditReader Reader => new(Dir, Signer.LogKey);

    internal static AuditEvent Released(long count) => new(AuditKind.KeysReleased, AuditOutcome.Ok)
    {
        Session = Session,
        Detail = { ["count"] = count, ["lease"] = "1ea5e1ea5e1ea5e0" },
    };

    internal AuditLog Create() => AuditLog.Create(Dir, Signer, Clock);

    internal AuditLog Open() => AuditLog.Open(Dir, Signer, Clock);

    internal TestLog With(int entries)
    {
        using AuditLog log = Create();
        for (int i = 0; i < entries; i++)
            log.Append(Released(100 + i));
        return this;
    }

    internal byte[] Entries
    {
        get => Read(EntriesPath);
        set => Write(EntriesPath, value);
    }

    internal byte[] Checkpoint
    {
        get => Read(CheckpointPath);
        set => Write(CheckpointPath, value);
    }

    /// <summary>The framed entries, one by one.</summary>
    internal List<byte[]> Records
    {
        get
        {
            List<byte[]> records = [];
            for (byte[] rest = Entries; rest.Length > 0; rest = rest[records[^1].Length..])
                records.Add(rest[..(2 + BinaryPrimitives.ReadUInt16BigEndian(rest))]);
            return records;
        }
        set => Entries = [.. value.SelectMany(record => record)];
    }

    /// <summary>The first break that a reader finds; the test fails if it finds none.</summary>
    internal AuditBreak Break() => Reader.Verify().Break ?? throw new Xunit.Sdk.XunitException("The change was not found.");

    // Without the lock that .NET's own open takes: a test looks while the log is open, and a child that another test starts at this moment
    // would hold a copy of the lock until its exec.
    private static byte[] Read(string path)
    {
        using SafeFileHandle file = Libc.OpenFile(path, write: false, create: false)!;
        byte[] bytes = new byte[RandomAccess.GetLength(file)];
        return bytes[..RandomAccess.Read(file, bytes, 0)];
    }

    private static void Write(string path, byte[] bytes)
    {
        using SafeFileHandle file = Libc.OpenFile(path, write: true, create: true)!;
        RandomAccess.SetLength(file, 0);
        RandomAccess.Write(file, bytes, 0);
    }

    public void Dispose()
    {
        Signer.Dispose();
        folder.Delete(recursive: true);
    }
}
