using System.Collections.Concurrent;
using VmPod.Sync.Wire;

namespace VmPod.Sync.Tests.Wire;

/// <summary>Takes cells as a host would, by copying them.</summary>
internal sealed class CellBasket : ICellSink
{
    internal ConcurrentDictionary<int, (CellStatus Status, byte[] Key, byte[] Cell)> Taken { get; } = new();

    internal Action First { get; set; } = static () => { };

    public void Take(int index, CellStatus status, ReadOnlySpan<byte> key, ReadOnlySpan<byte> cell)
    {
        First();
        if (!Taken.TryAdd(index, (status, key.ToArray(), cell.ToArray())))
            throw new InvalidOperationException("An index came twice.");
    }
}
