using VmPod.Secrets;

namespace VmPod.Vault.Cells;

/// <summary>Fills a slot of a <see cref="LockedCache{TKey}"/>.</summary>
internal delegate void SlotLoader<TKey>(TKey key, Span<byte> slot);

/// <summary>
/// A bounded cache of plaintext in locked memory: fixed slots, least recently used goes first. Safe for parallel readers: one loads, the others wait for it.
/// </summary>
internal sealed class LockedCache<TKey> : IDisposable
    where TKey : notnull
{
    private readonly LockedMemory memory;
    private readonly int slotBytes;
    private readonly Slot[] slots;
    private readonly Dictionary<TKey, int> index = [];
    private readonly Lock gate = new();
    private readonly SemaphoreSlim freed = new(0);
    private int hand;

    /// <summary>A cache of <paramref name="slotCount"/> slots of <paramref name="slotBytes"/>.</summary>
    public LockedCache(int slotCount, int slotBytes)
        : this(new LockedMemory((long)slotCount * slotBytes), slotBytes, slotCount)
    {
    }

    /// <summary>A cache in memory that is its own from now on.</summary>
    public LockedCache(LockedMemory memory, int slotBytes)
        : this(memory, slotBytes, (int)(memory.Length / slotBytes))
    {
    }

    private LockedCache(LockedMemory memory, int slotBytes, int slotCount)
    {
        this.slotBytes = slotBytes;
        this.memory = memory;
        slots = new Slot[slotCount];
        for (int i = 0; i < slotCount; i++)
            slots[i] = new Slot();
    }

    /// <summary>Uses the bytes of a key, loading them first if they are not here. What the loader throws reaches the caller, and the key
    /// stays absent.</summary>
    public TResult Use<TState, TResult>(TKey key, SlotLoader<TKey> load, TState state, Func<ReadOnlySpan<byte>, TState, TResult> use)
        where TState : allows ref struct
    {
        int i = Pin(key);
        Slot slot = slots[i];
        try
        {
            Span<byte> bytes = memory.Slice((long)i * slotBytes, slotBytes);
            if (!slot.Loaded)
            {
                lock (slot.Loading)
                {
                    if (!slot.Loaded)
                    {
                        load(key, bytes);
                        slot.Loaded = true;
                    }
                }
            }
            return use(bytes, state);
        }
        finally
        {
            Unpin(i);
        }
    }

    /// <summary>True if the bytes of a key are here, or being loaded.</summary>
    public bool Has(TKey key)
    {
        lock (gate)
            return index.ContainsKey(key);
    }

    /// <summary>Zeroes everything. Nobody may be using it.</summary>
    public void Clear()
    {
        lock (gate)
        {
            index.Clear();
            foreach (Slot slot in slots)
                (slot.HasKey, slot.Loaded) = (false, false);
            memory.Clear();
        }
    }

    /// <summary>Zeroes and unmaps the memory.</summary>
    public void Dispose()
    {
        memory.Dispose();
        freed.Dispose();
    }

    private int Pin(TKey key)
    {
        while (true)
        {
            lock (gate)
            {
                if (index.TryGetValue(key, out int at))
                {
                    slots[at].Pins++;
                    slots[at].Used = true;
                    return at;
                }
                // CLOCK: two rounds find any slot that nobody pins.
                for (int step = 0; step < 2 * slots.Length; step++)
                {
                    int i = hand;
                    hand = (hand + 1) % slots.Length;
                    Slot slot = slots[i];
                    if (slot.Pins > 0)
                        continue;
                    if (slot.Used)
                    {
                        slot.Used = false;
                        continue;
                    }
                    if (slot.HasKey)
                        Forget(i);
                    (slot.Key, slot.HasKey, slot.Loaded, slot.Pins, slot.Used) = (key, true, false, 1, true);
                    index[key] = i;
                    return i;
                }
            }
            freed.Wait(TimeSpan.FromMilliseconds(5));
        }
    }

    private void Unpin(int i)
    {
        lock (gate)
        {
            Slot slot = slots[i];
            if (--slot.Pins > 0)
                return;
            if (!slot.Loaded && slot.HasKey)
                Forget(i);
            if (freed.CurrentCount == 0)
                freed.Release();
        }
    }

    private void Forget(int i)
    {
        index.Remove(slots[i].Key!);
        (slots[i].HasKey, slots[i].Loaded, slots[i].Key) = (false, false, default);
    }

    private sealed class Slot
    {
        public readonly Lock Loading = new();
        public TKey? Key;
        public bool HasKey, Used;
        public volatile bool Loaded;
        public int Pins;
    }
}
