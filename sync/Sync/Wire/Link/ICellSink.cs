namespace VmPod.Sync.Wire;

/// <summary>Where a host takes the cells of one request.</summary>
public interface ICellSink
{
    /// <summary>Takes one of them, out of the frame. Called on the link's receiving thread, once for each index, in any order, never after the request
    /// ended: copy or open it, and return soon. It must not ask the link for anything.</summary>
    /// <param name="index">Which id of the request.</param>
    /// <param name="status">What became of it.</param>
    /// <param name="key">The cell's key, 32 bytes; empty if it was not wanted or the status is not Ok.</param>
    /// <param name="cell">The cell; empty if it was not wanted or the status is not Ok. It is not checked against its id here.</param>
    void Take(int index, CellStatus status, ReadOnlySpan<byte> key, ReadOnlySpan<byte> cell);
}
