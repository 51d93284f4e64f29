using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;

namespace VmPod.Vault.Sessions;

/// <summary>One generation of a session, opened for reading. Thread-safe: chunks may be read in parallel.</summary>
public sealed class SessionReader : IDisposable
{
    private readonly ILeaseKeySource keys;
    private readonly bool ownsKeys;

    internal SessionReader(string name, SessionHandle handle, ILeaseKeySource keys, PayloadReader payloads, SessionState state, bool ownsKeys = false)
    {
        this.ownsKeys = ownsKeys;
        Name = name;
        Handle = handle;
        this.keys = keys;
        Payloads = payloads;
        State = state;
    }

    /// <summary>The session's name.</summary>
    public string Name { get; }

    /// <summary>The session's handle.</summary>
    public SessionHandle Handle { get; }

    /// <summary>What this generation is.</summary>
    public CommitRecord Record => State.Record;

    /// <summary>Why it was made.</summary>
    public string Label => State.Manifest.Label;

    /// <summary>Its streams.</summary>
    public IReadOnlyList<StreamInfo> Streams => State.Manifest.Streams;

    internal PayloadReader Payloads { get; }

    internal SessionState State { get; private set; }

    internal ILeaseKeySource Keys => keys;

    /// <summary>Finds a stream by its name.</summary>
    /// <exception cref="VmPodException">There is none (exit 3).</exception>
    public StreamInfo Stream(string name) => Streams.FirstOrDefault(s => s.Name == name)
        ?? throw new VmPodException(ExitCode.NotFound, $"The session has no file {name} in this generation.");

    /// <summary>Reads a whole chunk (shorter at the stream's end). False if it is all zeros; then <paramref name="into"/> is zeroed.</summary>
    /// <exception cref="VmPodException">Damaged or missing cells (exit 5).</exception>
    public bool ReadChunk(StreamInfo stream, long chunk, Span<byte> into) => ReadChunk(stream, chunk, into, null);

    internal bool ReadChunk(StreamInfo stream, long chunk, Span<byte> into, IPageShortcut? shortcut)
    {
        var key = new ChunkKey(stream.Number, (ulong)chunk);
        Span<byte> bytes = into[..stream.ChunkLength(chunk)];
        if (!State.Map.TryFind(key, out PayloadRef place) || place.IsZero)
        {
            bytes.Clear();
            return false;
        }
        Payloads.Read(key, place, bytes, shortcut);
        return true;
    }

    /// <summary>Reads a whole chunk of which the map's entry is at hand.</summary>
    internal void ReadChunk(StreamInfo stream, ChunkKey key, in PayloadRef place, Span<byte> into) =>
        Payloads.Read(key, place, into[..stream.ChunkLength((long)key.Chunk)]);

    /// <summary>The chunks of a stream that are not zero, in order.</summary>
    public IEnumerable<long> Chunks(StreamInfo stream) => State.Map
        .Enumerate(new ChunkKey(stream.Number, 0), new ChunkKey(stream.Number + 1, 0)).Where(e => !e.Value.IsZero).Select(e => (long)e.Key.Chunk);

    /// <summary>Drops and zeroes decrypted cells that are cached; reading goes on as before.</summary>
    public void ClearCache() => Payloads.Clear();

    internal void Replace(SessionState state) => State = state;

    /// <summary>Zeroes keys and cached plaintext, unless a lease owns them.</summary>
    public void Dispose()
    {
        if (!ownsKeys)
            return;
        Payloads.Dispose();
        keys.Dispose();
    }
}
