using VmPod.Foundation;

namespace VmPod.Sync.Wire;

/// <summary>A request that has no answer yet. The receiving thread gives it frames; its caller waits for <see cref="Done"/>.</summary>
internal abstract class PendingRequest
{
    private readonly TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool isAbandoned;

    /// <summary>Ends with the last frame of the answer, or with the exception that the caller gets.</summary>
    internal Task Done => done.Task;

    /// <summary>Takes a frame of the answer. False if it is none that this request may get; <paramref name="isLast"/> if nothing may follow.</summary>
    internal bool TryTake(WireType type, ReadOnlySpan<byte> body, out bool isLast)
    {
        // The lock keeps a caller that gave up from returning while its destination is written.
        lock (done)
        {
            isLast = true;
            if (type == WireType.Error)
            {
                if (!ErrorReply.TryRead(body, out ErrorReply? error))
                    return false;
                _ = done.TrySetException(new VmPodException(error.ExitCode, error.Message, error.Cure.Length > 0 ? error.Cure : null));
                return true;
            }
            Exception? fault = null;
            if (!Read(type, body, isAbandoned, ref fault, out isLast))
                return false;
            if (fault is not null)
            {
                isAbandoned = true;
                _ = done.TrySetException(fault);
            }
            else if (isLast)
                _ = done.TrySetResult();
            return true;
        }
    }

    /// <summary>The link is lost.</summary>
    internal void Fail(VmPodException fault) => _ = done.TrySetException(WireFault.Again(fault));

    /// <summary>The caller gives up: its destination is not touched any more. The answer may still come.</summary>
    internal void Abandon()
    {
        lock (done)
            isAbandoned = true;
        _ = done.Task.Exception;        // seen: a late ERROR is nobody's
    }

    /// <summary>Reads a frame that is no ERROR. False if it is not canonical or not of this request.</summary>
    /// <param name="type">Its type.</param>
    /// <param name="body">Its body.</param>
    /// <param name="isAbandoned">Check it, and hand nothing on.</param>
    /// <param name="fault">Set to what the caller's destination threw.</param>
    /// <param name="isLast">Whether the answer is whole.</param>
    protected abstract bool Read(WireType type, ReadOnlySpan<byte> body, bool isAbandoned, ref Exception? fault, out bool isLast);
}
