using System.Globalization;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using VmPod.HostGuard.Control;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.HostGuard.Pods;

/// <summary>
/// Sealed cells that are not committed on the pod yet, in a file of this host: what a commit still needs if the link is lost. Only the pod can open them.
/// </summary>
/// <remarks>
/// <code>
///   cells.bin     cells, one after the other, in the order in which they were sealed
///   commit.bin    the commit that names them, signed by the lease: written when the pod was gone at the leave
///   residue.json  whose they are
/// </code>
/// Without commit.bin it is worth nothing, and removed. Thread-safe. Whoever wipes asks <see cref="Bytes"/>, <see cref="IsKept"/> and <see cref="End"/>, which
/// never wait for this host's disk: keys go in time though it stands still.
/// </remarks>
internal sealed class Residue : IDisposable
{
    public const string CellsFile = "cells.bin", CommitFile = "commit.bin", OwnerFile = "residue.json";

    private readonly Lock gate = new();
    private readonly Dictionary<CellId, long> places = [];
    private readonly SafeFileHandle file;
    private readonly int cellBytes;
    private readonly long bytesMax;
    private long bytes;
    private volatile Fate fate;

    /// <summary>A new one.</summary>
    /// <param name="owner">Whose it is.</param>
    /// <param name="cellBytes">Bytes of a cell.</param>
    /// <param name="bytesMax">The most bytes that it may take of this host's disk (rule 8).</param>
    public Residue(ResidueOwner owner, int cellBytes, long bytesMax)
    {
        this.cellBytes = cellBytes;
        this.bytesMax = bytesMax;
        Owner = owner;
        Folder = Path.Combine(HostFolder.Residues(), owner.LeaseId);
        Directory.CreateDirectory(Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.WriteAllBytes(Path.Combine(Folder, OwnerFile), JsonSerializer.SerializeToUtf8Bytes(owner, HostGuardJson.Default.ResidueOwner));
        file = File.OpenHandle(Path.Combine(Folder, CellsFile), FileMode.Create, FileAccess.ReadWrite);
    }

    /// <summary>Whose it is.</summary>
    public ResidueOwner Owner { get; }

    /// <summary>Where it stands.</summary>
    public string Folder { get; }

    /// <summary>True once a commit stands with the cells.</summary>
    public bool IsKept => fate == Fate.Kept;

    /// <summary>Bytes of cells that no commit of the pod names yet.</summary>
    public long Bytes => Interlocked.Read(ref bytes);

    /// <summary>Keeps a cell. False if it is there already.</summary>
    /// <exception cref="VmPodException">The bound, or the disk, is full (8).</exception>
    public bool Add(in CellId id, ReadOnlySpan<byte> cell)
    {
        lock (gate)
        {
            if (places.ContainsKey(id))
                return false;
            long at = places.Count * (long)cellBytes;
            if (at + cellBytes > bytesMax)
                throw new VmPodException(ExitCode.NoSpace, "What the pod has not taken yet has reached its bound on this host.", "Bring the pod back.");
            try
            {
                Libc.Write(file, cell, at);
            }
            catch (IOException e) when (Libc.IsNoSpace(e))
            {
                throw new VmPodException(ExitCode.NoSpace, "This host has no room for what the pod has not taken yet.", "Bring the pod back.", e);
            }
            places[id] = at;
            Interlocked.Exchange(ref bytes, at + cellBytes);
            return true;
        }
    }

    /// <summary>Reads a cell back. False if it is not kept.</summary>
    public bool TryRead(in CellId id, Span<byte> cell)
    {
        lock (gate)
            return places.TryGetValue(id, out long at) && RandomAccess.Read(file, cell, at) == cell.Length;
    }

    /// <summary>The cells that are kept, in order of their sealing.</summary>
    public IReadOnlyList<CellId> Ids()
    {
        lock (gate)
            return [.. places.OrderBy(p => p.Value).Select(p => p.Key)];
    }

    /// <summary>All of it is on the pod, or of no use any more.</summary>
    public void Clear()
    {
        lock (gate)
        {
            places.Clear();
            Interlocked.Exchange(ref bytes, 0);
            Libc.SetLength(file, 0);
        }
    }

    /// <summary>Makes it stay: with the commit that names the cells, durably.</summary>
    /// <exception cref="VmPodException">It was ended before (7).</exception>
    public void Keep(CommitEntry commit)
    {
        lock (gate)
        {
            if (fate == Fate.Ended)
                throw TooLate();
            Libc.Fdatasync(file);
            // As a whole or not at all: hostguard watch may look at any moment.
            string path = Path.Combine(Folder, CommitFile), part = path + ".part";
            using (var entry = new FileStream(part, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
            {
                entry.Write(commit.ToBytes());
                Libc.Fsync(entry.SafeFileHandle);
            }
            // From here it stays: all of it is on the disk but for its name.
            if (Interlocked.CompareExchange(ref fate, Fate.Kept, Fate.Open) == Fate.Ended)
                throw TooLate();
            File.Move(part, path, overwrite: true);
            Libc.FsyncDirectory(Folder);
        }
    }

    /// <summary>From now on it cannot be made to stay. Waits for nothing.</summary>
    /// <returns>True if it was before.</returns>
    public bool End() => Interlocked.CompareExchange(ref fate, Fate.Ended, Fate.Open) == Fate.Kept;

    /// <summary>Removes it, unless it was kept.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (file.IsClosed)
                return;
            file.Dispose();
            if (!IsKept)
                Directory.Delete(Folder, recursive: true);
        }
    }

    private static VmPodException TooLate() => new(ExitCode.LinkLost, "The pod is gone, and it is too late to keep what it has not taken.", "Bring it back.");

    private enum Fate
    {
        Open,
        Kept,
        Ended,
    }
}

/// <summary>Whose a residue is. No secret.</summary>
public sealed record ResidueOwner
{
    /// <summary>The pairing with the pod, 32 hex digits.</summary>
    public required string Pairing { get; init; }

    /// <summary>Where the pod was last reached.</summary>
    public required string Address { get; init; }

    /// <summary>What the host called its boot then, 32 hex digits: the lease is that boot's.</summary>
    public required string BootId { get; init; }

    /// <summary>The session's handle, 32 hex digits.</summary>
    public required string Session { get; init; }

    /// <summary>The session's name.</summary>
    public required string Name { get; init; }

    /// <summary>The lease's id, 16 hex digits.</summary>
    public required string LeaseId { get; init; }

    /// <summary>The lease's term.</summary>
    public required ulong Term { get; init; }

    /// <summary>When it began, ms since 1970.</summary>
    public required long BegunMs { get; init; }

    /// <summary>A 128-bit number of these records.</summary>
    internal static UInt128 Number(string hex) => UInt128.TryParse(hex, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out UInt128 number)
        ? number : throw new VmPodException(ExitCode.Damaged, "A residue's description is damaged.", "hostguard residues lists them.");
}
