using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Tables;

namespace VmPod.Vault.Sessions;

/// <summary>
/// Looks into a commit that nobody with keys has looked into (V-98): opens every cell that is new since the last commit that can be relied on, checks T, that
/// the cells which its tables name are the live set that was signed, and that each chunk is where the map says, and is what its tag says. One thread's.
/// </summary>
public sealed class CommitCheck : IDisposable
{
    private static readonly ChunkKey End = new(uint.MaxValue, ulong.MaxValue);

    private readonly PodVault vault;
    private readonly BaseCommit commit;
    private readonly BaseCommit? trusted;
    private readonly byte[] ownerPublicKey;
    private readonly SessionKeys keys;
    private readonly PayloadReader payloads;
    private readonly LockedMemory chunk = new(FormatLimits.ChunkBytes);

    internal CommitCheck(PodVault vault, BaseCommit commit, BaseCommit? trusted, byte[] ownerPublicKey, SessionKeys keys, PayloadReader payloads)
    {
        this.vault = vault;
        this.commit = commit;
        this.trusted = trusted;
        this.ownerPublicKey = ownerPublicKey;
        this.keys = keys;
        this.payloads = payloads;
    }

    /// <summary>What is wrong with it, once <see cref="Run"/> said no.</summary>
    public string? Reason { get; private set; }

    /// <summary>True if all of it is as it must be. Time grows with the map, and with what is new.</summary>
    /// <exception cref="VmPodException">The pod's own copy of a cell is damaged or missing: nothing can be said of the commit (5).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public bool Run(IProgress<CheckProgress>? progress, CancellationToken cancel)
    {
        try
        {
            Reason = Look(progress, cancel);
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged && e is not (DamagedCellException or StorePoisonedException))
        {
            // A disk that lost a cell must not be taken for a host that lied.
            MustBeThere(cancel);
            Reason = e.Message;
        }
        return Reason is null;
    }

    /// <summary>Zeroes its keys and what it read.</summary>
    public void Dispose()
    {
        chunk.Dispose();
        payloads.Dispose();
        keys.Dispose();
    }

    private string? Look(IProgress<CheckProgress>? progress, CancellationToken cancel)
    {
        SessionState state = Open(commit);
        SessionState? before = trusted is null ? null : Open(trusted);
        if (!IsClosed(state, out long total, cancel))
            return "The cells that its map names are not those that its host signed.";
        if (HasPolicy(before) && !HasPolicy(state))
            return "It drops what says that the session's chunks are stored alone.";
        Dictionary<uint, StreamInfo> streams = state.Manifest.Streams.ToDictionary(s => s.Number);
        Dictionary<uint, StreamInfo>? streamsBefore = before?.Manifest.Streams.ToDictionary(s => s.Number);
        long done = 0;
        foreach ((ChunkKey key, PayloadRef place, PayloadRef? was) in Beside(state.Map, before?.Map))
        {
            cancel.ThrowIfCancellationRequested();
            progress?.Report(new CheckProgress(++done, total));
            int length = LengthOf(streams, key);
            if (was is { } old && old.IsSamePlace(place) && length == LengthOf(streamsBefore, key))
                continue;
            if (ProblemOf(state, key, place, length) is { } problem)
                return problem;
        }
        foreach ((ChunkKey key, ChangeTag tag, ChangeTag? was) in Beside(state.Tags, before?.Tags))
        {
            cancel.ThrowIfCancellationRequested();
            // Where the chunk is new as well, it was compared above.
            if (tag.IsZero || tag == was || (state.Map.TryFind(key, out PayloadRef place) && !place.IsZero
                && !(before is not null && before.Map.TryFind(key, out PayloadRef old) && old.IsSamePlace(place))))
                continue;
            if (place.IsZero)
                return $"Chunk {key.Chunk} of stream {key.Stream} is zero, and its tag is that of another.";
            if (ProblemOf(state, key, place, LengthOf(streams, key)) is { } problem)
                return problem;
        }
        return null;
    }

    private static bool HasPolicy(SessionState? state) =>
        state is not null && state.Map.TryFind(new ChunkKey(InternalStream.Policy, 0), out PayloadRef place) && !place.IsZero;

    private SessionState Open(BaseCommit which) => SessionState.Open(which, ownerPublicKey, vault.Descriptor.VaultId, payloads);

    // V-35: live is what the map, the tables themselves and the manifest name.
    internal static bool IsClosed(SessionState state, out long places, CancellationToken cancel)
    {
        var named = new LiveSet();
        places = 0;
        foreach (PayloadRef place in state.AllPlaces())
        {
            cancel.ThrowIfCancellationRequested();
            places++;
            foreach (CellId id in place.Cells())
                named.Add(id);
        }
        foreach (CellId id in state.Record.ManifestCells)
            named.Add(id);
        return (ulong)named.Count == state.Record.LiveCount && named.Root() == state.Record.LiveRoot;
    }

    // A chunk that does not open, is elsewhere or does not decode throws: damaged.
    private string? ProblemOf(SessionState state, ChunkKey key, in PayloadRef place, int length)
    {
        bool hasTag = state.Tags.TryFind(key, out ChangeTag tag) && !tag.IsZero;
        if (place.IsZero)
            return hasTag ? $"Chunk {key.Chunk} of stream {key.Stream} is zero, and its tag is that of another." : null;
        Span<byte> bytes = chunk.Slice(0, FormatLimits.ChunkBytes);
        try
        {
            // What no stream has (V-150) is as long as its payload says.
            bytes = bytes[..(length < 0 ? payloads.ReadUpTo(key, place, bytes) : length)];
            if (length >= 0)
                payloads.Read(key, place, bytes);
            return hasTag && keys.Find(tag.LeaseId) is { } leaseKeys && leaseKeys.ChangeTagOf(bytes) != tag.Value
                ? $"Chunk {key.Chunk} of stream {key.Stream} is not what its tag says." : null;
        }
        finally
        {
            bytes.Clear();
        }
    }

    private void MustBeThere(CancellationToken cancel)
    {
        byte[] cell = new byte[vault.Descriptor.CellBytes];
        foreach (CellId id in vault.LiveSetOf(commit.EntryOffset, commit.EntryHash).Enumerate())
        {
            cancel.ThrowIfCancellationRequested();
            if (!vault.Store.TryRead(id, cell))
                throw new VmPodException(ExitCode.Damaged, $"Cell {id} is missing from the vault.", "Run podkeeper verify; restore it from a mirror.");
        }
    }

    // Bytes of a chunk in its stream; -1 for one that belongs to none.
    internal static int LengthOf(Dictionary<uint, StreamInfo>? streams, ChunkKey key) =>
        streams is not null && streams.TryGetValue(key.Stream, out StreamInfo? stream) && key.Chunk < (ulong)stream.ChunkCount
            ? stream.ChunkLength((long)key.Chunk) : -1;

    // All entries of a table, each with what the table before has there.
    private static IEnumerable<(ChunkKey Key, TValue Value, TValue? Before)> Beside<TValue, TFormat>(
        TableView<TValue, TFormat> now, TableView<TValue, TFormat>? before)
        where TFormat : ITableValue<TValue>
        where TValue : struct
    {
        using IEnumerator<KeyValuePair<ChunkKey, TValue>>? old = before?.Enumerate(default, End).GetEnumerator();
        bool hasOld = old?.MoveNext() ?? false;
        foreach (KeyValuePair<ChunkKey, TValue> entry in now.Enumerate(default, End))
        {
            while (hasOld && old!.Current.Key < entry.Key)
                hasOld = old.MoveNext();
            yield return (entry.Key, entry.Value, hasOld && old!.Current.Key == entry.Key ? old.Current.Value : null);
        }
    }
}
