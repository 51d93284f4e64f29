using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;

namespace VmPod.Audit;

/// <summary>
/// A copy of a pod's audit log in a mirror (P-118): entries come behind those that are there, and count once a checkpoint that the log's key signed covers
/// them. Needs no secret. One process writes it, as the owner of the mirror.
/// </summary>
/// <param name="dir">The mirror's folder; the copy is in its v1/audit.</param>
/// <param name="key">The log's name and public key.</param>
public sealed class AuditCopy(string dir, AuditLogKey key)
{
    private readonly AuditFolder folder = AuditFolder.Of(dir);
    private long written;

    /// <summary>Bytes of entries that count.</summary>
    /// <exception cref="VmPodException">What is there is not what was signed (5).</exception>
    public long Begin()
    {
        if (!File.Exists(folder.Entries) || !folder.HasCheckpoint)
        {
            folder.Create();
            using SafeFileHandle entries = folder.OpenEntries(write: true);
            Libc.SetLength(entries, 0);
            return written = 0;
        }
        AuditScan scan = AuditScan.Run(folder, key);
        if (scan.Break is not null)
        {
            throw new VmPodException(ExitCode.Damaged, $"The mirror's copy of the audit log was altered. {scan.Break.What}",
                "Keep it as evidence, and make a new mirror.");
        }
        return written = scan.SignedEnd;
    }

    /// <summary>Bytes of entries, without a look at them; 0 if there are none.</summary>
    public static long BytesOf(string dir) => new FileInfo(AuditFolder.Of(dir).Entries) is { Exists: true } file ? file.Length : 0;

    /// <summary>Reads a piece of entries; 0 at their end.</summary>
    public static int Read(string dir, long offset, Span<byte> into)
    {
        using SafeFileHandle? entries = Libc.OpenFile(AuditFolder.Of(dir).Entries, write: false, create: false);
        return entries is null ? 0 : RandomAccess.Read(entries, into, offset);
    }

    /// <summary>Reads the checkpoint; empty if there is none.</summary>
    public static byte[] ReadCheckpoint(string dir) => AuditFolder.Of(dir).ReadCheckpoint() ?? [];

    /// <summary>Writes a piece of entries behind those before it.</summary>
    /// <exception cref="VmPodException">It is not for there (5).</exception>
    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        if (offset != written)
            throw new VmPodException(ExitCode.Damaged, "A piece of the audit log does not go on from what is here.", "Begin again.");
        using SafeFileHandle entries = folder.OpenEntries(write: true);
        Libc.Write(entries, bytes, offset);
        written += bytes.Length;
    }

    /// <summary>Makes what was written count. If the checkpoint is not over just these entries, all is as before.</summary>
    /// <exception cref="VmPodException">The log's key did not sign it, or entries are others than those that were here (5).</exception>
    public void Take(byte[] checkpoint)
    {
        using SafeFileHandle entries = folder.OpenEntries(write: true);
        byte[]? before = folder.ReadCheckpoint();
        long kept = before is null ? 0 : AuditScan.Run(folder, key).SignedEnd;
        AuditScan scan = AuditScan.Run(folder, key, checkpoint);
        if (scan.Break is { } broken || scan.SignedEnd < kept)
        {
            Libc.SetLength(entries, kept);
            Libc.Fdatasync(entries);
            throw new VmPodException(ExitCode.Damaged, $"The pod's audit log does not go on from the mirror's copy of it. {scan.Break?.What}".TrimEnd(),
                "The pod was set back, or its log altered: podkeeper audit verify DIR, and compare with the mirror's copy.");
        }
        // What is not signed yet may still be cut off by the pod: it comes again.
        Libc.SetLength(entries, scan.SignedEnd);
        Libc.Fdatasync(entries);
        if (before is null || !checkpoint.AsSpan().SequenceEqual(before))
            folder.WriteCheckpoint(checkpoint);
    }
}
