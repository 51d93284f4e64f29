using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;

namespace VmPod.Audit;

/// <summary>
/// The audit log of a pod, for appending. When <see cref="Append(AuditEvent)"/> has returned, the entry is durable and signed for; if it
/// throws, the caller does not do what it was about to do: if the log cannot be written, nothing is released.
/// </summary>
/// <remarks>
/// Implements the chapter "Audit" of podkeeper/SPEC.md: RFC 6962 tree, C2SP checkpoint, entries framed as in C2SP tlog-tiles.
/// <code>
///   Create ──▶ open ──Append──▶ open          any I/O error ──▶ poisoned: every further Append throws
///   Open ────▶ open                           Dispose ────────▶ closed
/// </code>
/// Order of one append: entries written, fdatasync, checkpoint written anew, fsync, rename, fsync of the folder. So after a crash there are
/// at most entries that nobody was told of; they are kept, signed, and the next opening says so in an entry of its own.
/// One process holds the log (flock); within it, any thread may append.
/// </remarks>
public sealed class AuditLog : IDisposable
{
    private readonly Lock gate = new();
    private readonly AuditFolder folder;
    private readonly SafeFileHandle file;
    private readonly IAuditSigner signer;
    private readonly AuditLogKey key;
    private readonly TimeProvider time;
    private MerkleFrontier frontier = new();
    private string previous = "";
    private long end;
    private bool poisoned;

    private AuditLog(AuditFolder folder, SafeFileHandle file, IAuditSigner signer, AuditLogKey key, TimeProvider time)
    {
        this.folder = folder;
        this.file = file;
        this.signer = signer;
        this.key = key;
        this.time = time;
    }

    /// <summary>Entries in the log.</summary>
    public long Count
    {
        get
        {
            lock (gate)
                return frontier.Size;
        }
    }

    /// <summary>Whether an error ended it: nothing can be appended, so nothing may be released.</summary>
    public bool IsPoisoned
    {
        get
        {
            lock (gate)
                return poisoned;
        }
    }

    /// <summary>Makes the log of a new vault, with a signed checkpoint of size 0, so that a log that vanished is not taken for a new
    /// one.</summary>
    /// <param name="dir">The vault's folder; the log is in its v1/audit.</param>
    /// <param name="signer">The pod's log key.</param>
    /// <param name="time">The pod's clock.</param>
    /// <exception cref="VmPodException">There is a log already (exit code 4), or another process holds it (6).</exception>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public static AuditLog Create(string dir, IAuditSigner signer, TimeProvider time)
    {
        AuditFolder folder = AuditFolder.Of(dir);
        var key = new AuditLogKey(signer.Name, signer.PublicKey);
        if (folder.HasCheckpoint || (File.Exists(folder.Entries) && new FileInfo(folder.Entries).Length > 0))
            throw new VmPodException(ExitCode.Refused, "This vault has an audit log already.");
        folder.Create();
        folder.WriteCheckpoint(Checkpoint.Sign(0, new MerkleFrontier().Root(), key, signer).Note);
        return Open(dir, signer, time);
    }

    /// <summary>Opens the log for appending, after reading all of it. A torn append of a crash is cut off, and that is logged.</summary>
    /// <exception cref="VmPodException">No log (exit code 3), damaged (5, with the first break), or another process holds it
    /// (6).</exception>
    /// <exception cref="IOException">The files cannot be read or written.</exception>
    public static AuditLog Open(string dir, IAuditSigner signer, TimeProvider time)
    {
        AuditFolder folder = AuditFolder.Of(dir);
        var key = new AuditLogKey(signer.Name, signer.PublicKey);
        SafeFileHandle file = folder.OpenEntries(write: true);
        var log = new AuditLog(folder, file, signer, key, time);
        try
        {
            if (!Libc.TryLock(file, exclusive: true))
                throw new VmPodException(ExitCode.Busy, "Another process holds the audit log.",
                    "Use the podkeeper that is running, or stop it.");
            log.Recover();
            return log;
        }
        catch
        {
            log.Dispose();
            throw;
        }
    }

    /// <summary>Appends one entry. On return it is durable and covered by the checkpoint.</summary>
    /// <exception cref="VmPodException">It could not be made durable (exit code 8 for no space, else 5), now or earlier: release
    /// nothing.</exception>
    /// <exception cref="ArgumentException">The event breaks a rule of SPEC.md: a bug. The log is as before.</exception>
    public AuditEntry Append(AuditEvent evt) => Append([evt])[0];

    /// <summary>Appends 1 to <see cref="AuditLimits.BatchMax"/> entries for the price of one. On return all are durable and signed
    /// for.</summary>
    /// <inheritdoc cref="Append(AuditEvent)" path="/exception"/>
    public IReadOnlyList<AuditEntry> Append(IReadOnlyList<AuditEvent> events)
    {
        ArgumentOutOfRangeException.ThrowIfZero(events.Count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(events.Count, AuditLimits.BatchMax);
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(file.IsClosed, this);
            if (poisoned)
                throw new VmPodException(ExitCode.Damaged, "The audit log failed earlier, so nothing is released.",
                    "Check the pod's storage, then start again.");
            var batch = new AuditBatch(frontier.Size, previous, time.GetUtcNow().ToUnixTimeMilliseconds());
            foreach (AuditEvent evt in events)
                batch.Add(evt);
            try
            {
                Write(batch);
            }
            catch (Exception e)
            {
                // What is on disk now is unknown (a failed fsync may have dropped the pages): only a new opening finds out.
                poisoned = true;
                throw Failure(e);
            }
            return batch.Entries;
        }
    }

    /// <summary>Closes the log and lets another process have it.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (file.IsClosed)
                return;
            Libc.Unlock(file);
            file.Dispose();
        }
    }

    private void Write(AuditBatch batch)
    {
        Libc.Write(file, batch.Bytes, end);
        Libc.Fdatasync(file);
        end += batch.Bytes.Length;
        foreach (byte[] leaf in batch.Leaves)
            frontier.Add(leaf);
        previous = batch.Previous;
        folder.WriteCheckpoint(Checkpoint.Sign(frontier.Size, frontier.Root(), key, signer).Note);
    }

    private void Recover()
    {
        AuditScan scan = AuditScan.Run(folder, key);
        if (scan.Break is not null)
            throw new VmPodException(ExitCode.Damaged, $"The audit log was altered. {scan.Break.What}",
                "Keep a copy of it as evidence; podkeeper audit verify says more.");
        (frontier, previous, end) = (scan.Frontier, scan.Previous, scan.End);
        long unsigned = scan.Frontier.Size - scan.Signed;
        if (scan.TornBytes == 0 && unsigned == 0)
            return;
        if (scan.TornBytes > 0)
        {
            Libc.SetLength(file, end);
            Libc.Fdatasync(file);
        }
        Append(new AuditEvent(AuditKind.LogRecovered, AuditOutcome.Ok)
        {
            Detail = { ["cutBytes"] = scan.TornBytes, ["unsigned"] = unsigned },
        });
    }

    private static VmPodException Failure(Exception e)
    {
        const int ENOSPC = 28, EDQUOT = 122;
        return e is IOException { HResult: ENOSPC or EDQUOT }
            ? new VmPodException(ExitCode.NoSpace, "The pod has no space for its audit log, so nothing is released.",
                "Free some space on the pod, then start again.", e)
            : new VmPodException(ExitCode.Damaged, "The audit log could not be written, so nothing is released.",
                "Check the pod's storage, then start again.", e);
    }
}
