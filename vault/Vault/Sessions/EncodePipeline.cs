using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.ExceptionServices;
using VmPod.Secrets;
using VmPod.Vault.Codecs;
using VmPod.Vault.Format;

namespace VmPod.Vault.Sessions;

/// <summary>One chunk that came out of a worker. Of a group the first one has the payload, and the others, which follow it, have none.</summary>
internal readonly record struct EncodedChunk(ChunkKey Key, Codec Codec, int RawLength, int Offset, int Length, ChangeTag Tag, PageTable? Pages)
{
    /// <summary>Chunks that this payload is of: this one and those after it.</summary>
    public int Sharing { get; init; } = 1;

    /// <summary>False for a chunk of zeros.</summary>
    public bool IsStored => Codec != default || Pages is not null;
}

/// <summary>What a worker made of a batch: encoded chunks in order, in locked memory.</summary>
internal sealed class BatchOutput : IDisposable
{
    /// <summary>Chunks of a batch at most: 2 MiB of plaintext.</summary>
    public const int ChunksMax = 32;

    private readonly LockedMemory encoded = new((long)ChunksMax * ChunkEncoder.OutputBytesMax);
    private int used;

    /// <summary>The chunks, in order.</summary>
    public List<EncodedChunk> Chunks { get; } = [];

    /// <summary>Room for one more payload.</summary>
    public Span<byte> Room => encoded.Slice(used, ChunkEncoder.OutputBytesMax);

    /// <summary>Takes what was written to <see cref="Room"/>.</summary>
    public void Take(ChunkKey key, Codec codec, int rawLength, int length, ChangeTag tag, PageTable? pages = null)
    {
        Chunks.Add(new EncodedChunk(key, codec, rawLength, used, length, tag, pages));
        used += length;
    }

    /// <summary>Room for a payload of so many bytes of plaintext, which chunks share that have not been taken yet.</summary>
    public Span<byte> RoomFor(int plainBytes) => encoded.Slice(used, ChunkEncoder.OutputBytesOf(plainBytes));

    /// <summary>Takes what was written to <see cref="RoomFor"/>.</summary>
    public void Take(ChunkGroup group, int length)
    {
        for (int i = 0; i < group.Members.Count; i++)
        {
            ChunkGroup.Member member = group.Members[i];
            Chunks.Add(new EncodedChunk(member.Key, Codec.Group, group.JoinedBytes, used, i == 0 ? length : 0, member.Tag, member.Table)
            { Sharing = i == 0 ? group.Members.Count : 0 });
        }
        used += length;
    }

    /// <summary>A payload's bytes.</summary>
    public ReadOnlySpan<byte> Bytes(in EncodedChunk chunk) => encoded.Slice(chunk.Offset, chunk.Length);

    /// <summary>Ready for the next batch.</summary>
    public void Reset()
    {
        Chunks.Clear();
        used = 0;
    }

    /// <inheritdoc/>
    public void Dispose() => encoded.Dispose();
}

/// <summary>What belongs to one worker.</summary>
internal sealed class Worker(Effort effort) : IDisposable
{
    private readonly ChunkGroup group = new();

    /// <summary>Encodes chunks.</summary>
    public PageEncoder Encoder { get; } = new(effort);

    /// <summary>Plaintext of one batch, locked.</summary>
    public LockedMemory Plaintext { get; } = new(BatchOutput.ChunksMax * FormatLimits.ChunkBytes);

    /// <summary>Encodes a chunk of a disk or a memory. It may wait for others that share its frame: <see cref="Flush"/> is to follow.</summary>
    public void Encode(ChunkKey key, ReadOnlySpan<byte> chunk, in PageEncoder.Context context, ChangeTag tag, BatchOutput output)
    {
        (Codec Codec, int Length, PageTable? Pages) encoded = default;
        if (!context.IsAlone && Encoder.TryEncode(key, chunk, context, output.Room, out encoded))
        {
            output.Take(key, encoded.Codec, chunk.Length, encoded.Length, tag, encoded.Pages);
            return;
        }
        // The last chunk of a stream may be short, and a group says nothing of lengths.
        bool isWhole = chunk.Length == FormatLimits.ChunkBytes;
        if ((!isWhole || context.IsAlone) && encoded.Pages is null)
        {
            (Codec codec, int length) = Encoder.EncodeAlone(chunk, null, output.Room);
            output.Take(key, codec, chunk.Length, length, tag);
            return;
        }
        ushort own = encoded.Pages?.OwnPages ?? ushort.MaxValue;
        if (!isWhole || !group.HasRoomFor(key, own))
            Flush(output);
        group.Add(new ChunkGroup.Member(key, own, encoded.Pages, tag, chunk.Length), chunk);
        if (!isWhole)
            Flush(output);
    }

    /// <summary>Forgets the chunks that wait: of a batch that was cut short none is put, and whoever puts them again has newer bytes.</summary>
    public void Forget() => group.Clear();

    /// <summary>Encodes the chunks that wait.</summary>
    public void Flush(BatchOutput output)
    {
        try
        {
            if (group.Members.Count > 1 && group.Encode(Encoder.Compressor, output.RoomFor(group.JoinedBytes)) is var shared and > 0)
            {
                output.Take(group, shared);
                return;
            }
            for (int i = 0; i < group.Members.Count; i++)
            {
                ChunkGroup.Member member = group.Members[i];
                ReadOnlySpan<byte> own = group.PagesOf(i);
                (Codec codec, int length) = Encoder.EncodeAlone(own, member.Table, output.Room);
                group.Learn(own.Length, length);
                output.Take(member.Key, codec, member.RawLength, length, member.Tag, member.Table);
            }
        }
        finally
        {
            group.Clear();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        group.Dispose();
        Encoder.Dispose();
        Plaintext.Dispose();
    }
}

/// <summary>
/// Runs batches over all cores and hands the results on in order: take a batch (one at a time), process it (in parallel), complete it (one at a time, in
/// the order taken). Bounded: a worker waits for a free output before it takes a batch. The first error stops all and is thrown.
/// </summary>
/// <param name="effort">How hard to try, at least.</param>
/// <param name="workers">Threads.</param>
/// <param name="adapts">Try harder where <c>complete</c> keeps the workers waiting.</param>
internal sealed class EncodePipeline(Effort effort, int workers, bool adapts = false) : IDisposable
{
    private readonly EffortControl control = new(effort, adapts);
    private readonly Worker[] pool = [.. Enumerable.Range(0, workers).Select(_ => new Worker(effort))];
    private readonly BatchOutput[] outputs = [.. Enumerable.Range(0, workers * 2 + 1).Select(_ => new BatchOutput())];

    /// <summary>Runs until <paramref name="next"/> gives null.</summary>
    public void Run<TBatch>(Func<TBatch?> next, Action<TBatch, Worker, BatchOutput> process, Action<TBatch, BatchOutput> complete, CancellationToken cancel)
        where TBatch : class
    {
        using var free = new BlockingCollection<BatchOutput>(new ConcurrentQueue<BatchOutput>(outputs));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var ready = new ConcurrentDictionary<long, (TBatch Batch, BatchOutput Output)>();
        var takeGate = new Lock();
        object drainGate = new();
        long taken = 0, completed = 0;
        Exception? failure = null;

        void Work(Worker worker)
        {
            try
            {
                TimeSpan worked = default;
                long ended = Stopwatch.GetTimestamp();
                while (true)
                {
                    BatchOutput output = free.Take(stop.Token);
                    if (worked > TimeSpan.Zero)
                        control.Note(worked, Stopwatch.GetElapsedTime(ended));
                    long number;
                    TBatch? batch;
                    lock (takeGate)
                    {
                        batch = next();
                        number = taken;
                        if (batch is not null)
                            taken++;
                    }
                    if (batch is null)
                    {
                        free.Add(output, CancellationToken.None);
                        return;
                    }
                    output.Reset();
                    worker.Forget();
                    worker.Encoder.Compressor.Effort = control.Now;
                    long begun = Stopwatch.GetTimestamp();
                    process(batch, worker, output);
                    worked = Stopwatch.GetElapsedTime(begun);
                    ended = Stopwatch.GetTimestamp();
                    ready[number] = (batch, output);
                    Drain();
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, e, null);
                stop.Cancel();
            }
        }

        void Drain()
        {
            while (ready.ContainsKey(Interlocked.Read(ref completed)) && Monitor.TryEnter(drainGate))
            {
                try
                {
                    while (!stop.IsCancellationRequested && ready.TryRemove(Interlocked.Read(ref completed), out (TBatch Batch, BatchOutput Output) done))
                    {
                        complete(done.Batch, done.Output);
                        Interlocked.Increment(ref completed);
                        free.Add(done.Output, CancellationToken.None);
                    }
                    if (stop.IsCancellationRequested)
                        return;
                }
                finally
                {
                    Monitor.Exit(drainGate);
                }
            }
        }

        Thread[] threads = [.. pool.Skip(1).Select(w => new Thread(() => Work(w)) { IsBackground = true, Name = "vmpod-encode" })];
        foreach (Thread thread in threads)
            thread.Start();
        Work(pool[0]);
        foreach (Thread thread in threads)
            thread.Join();
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
        cancel.ThrowIfCancellationRequested();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Worker worker in pool)
            worker.Dispose();
        foreach (BatchOutput output in outputs)
            output.Dispose();
    }
}
