using VmPod.Foundation;

namespace VmPod.PodKeeper.Serving;

/// <summary>
/// Counts the keys that leave the pod under one lease, so that a durable entry of the log always says at most how many (rule 19). The entry is enlarged
/// in the background once half of it is used, so nobody waits for it unless keys leave faster than the log can be written.
/// </summary>
/// <param name="grant">Makes an entry durable that grants so many keys in all; if it throws, nothing was granted.</param>
/// <param name="granted">Keys that an entry grants already.</param>
/// <param name="batch">Keys of one further grant.</param>
public sealed class ReleaseLedger(Action<long> grant, long granted, int batch)
{
    private readonly object gate = new();
    private long spent;
    private bool isEnlarging;
    private VmPodException? fault;

    /// <summary>Keys that left.</summary>
    public long Spent
    {
        get
        {
            lock (gate)
                return spent;
        }
    }

    /// <summary>Keys that may leave by what the log says.</summary>
    public long Granted
    {
        get
        {
            lock (gate)
                return granted;
        }
    }

    /// <summary>Returns when so many keys may leave.</summary>
    /// <exception cref="VmPodException">The log cannot be written, so they may not (5, 8).</exception>
    public void Spend(int keys)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(keys);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(keys, batch);
        lock (gate)
        {
            while (spent + keys > granted)
            {
                if (fault is { } why)
                    throw new VmPodException(why.ExitCode, why.Message, why.Hint, why);
                Enlarge();
                _ = Monitor.Wait(gate);
            }
            spent += keys;
            if (granted - spent < batch / 2)
                Enlarge();
        }
    }

    private void Enlarge()
    {
        if (isEnlarging || fault is not null)
            return;
        isEnlarging = true;
        long total = granted + batch;
        _ = ThreadPool.UnsafeQueueUserWorkItem(_ => Grant(total), null);
    }

    private void Grant(long total)
    {
        VmPodException? failed = null;
        try
        {
            grant(total);
        }
        catch (Exception e)     // whatever it is: nothing was granted, and nobody else is here to hear of it
        {
            failed = e as VmPodException ?? new VmPodException(ExitCode.Damaged, "The audit log could not be written, so nothing is released.",
                "Check the pod's storage, then start again.", e);
        }
        lock (gate)
        {
            isEnlarging = false;
            fault = failed;
            if (failed is null)
                granted = total;
            Monitor.PulseAll(gate);
        }
    }
}
