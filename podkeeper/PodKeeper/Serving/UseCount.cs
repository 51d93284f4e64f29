namespace VmPod.PodKeeper.Serving;

/// <summary>Counts who uses a thing, so that it can be taken away: whoever closes waits for those who are in, and nobody comes in after.</summary>
internal sealed class UseCount
{
    private readonly object gate = new();
    private int users;
    private bool isClosed;

    /// <summary>False once it is closed; else the user leaves by <see cref="Exit"/>.</summary>
    internal bool TryEnter()
    {
        lock (gate)
        {
            if (isClosed)
                return false;
            users++;
            return true;
        }
    }

    internal void Exit()
    {
        lock (gate)
        {
            users--;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Closes it, and waits until nobody is in. False for all but the first. Not from within.</summary>
    internal bool Close()
    {
        lock (gate)
        {
            bool isFirst = !isClosed;
            isClosed = true;
            while (users > 0)
                _ = Monitor.Wait(gate);
            return isFirst;
        }
    }
}
