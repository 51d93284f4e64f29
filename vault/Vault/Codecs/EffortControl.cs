namespace VmPod.Vault.Codecs;

/// <summary>
/// Tries as hard as there is time for: where those who encode wait for what takes their output (a slow link), bytes cost more than the CPU does. Thread-safe.
/// </summary>
internal sealed class EffortControl
{
    // What each effort costs, in the time of the first, on a guest's disk; on other data it is a fifth less to a third more (vault/MEASUREMENTS.md).
    private static readonly double[] Costs = [1, 1.3, 6, 28];

    // 8 MiB of plaintext: what a slow link takes meanwhile is said by more than one wait.
    private const int WindowBatches = 4;

    // One step harder must leave some of the time over, or the link would wait for the CPU; without this much waiting the step before was one too far.
    private const double UsedMost = 0.8, WaitedLeast = 0.05;

    private readonly Effort least;
    private readonly bool adapts;
    private readonly Lock gate = new();
    private TimeSpan worked, waited;
    private int batches;

    /// <summary>Begins.</summary>
    /// <param name="least">What is done where nobody waits.</param>
    /// <param name="adapts">False to stay at that.</param>
    public EffortControl(Effort least, bool adapts)
    {
        (this.least, this.adapts) = (least, adapts);
        Now = least;
    }

    /// <summary>How hard to try now.</summary>
    public Effort Now { get; private set; }

    /// <summary>A batch is done.</summary>
    /// <param name="work">What its worker encoded for.</param>
    /// <param name="wait">What it then waited for, until it could begin the next.</param>
    public void Note(TimeSpan work, TimeSpan wait)
    {
        if (!adapts)
            return;
        lock (gate)
        {
            worked += work;
            waited += wait;
            if (++batches < WindowBatches)
                return;
            TimeSpan all = worked + waited;
            if (Now < Effort.Exhaustive && worked * (Costs[(int)Now + 1] / Costs[(int)Now]) <= all * UsedMost)
                Now++;
            else if (Now > least && waited < all * WaitedLeast)
                Now--;
            (worked, waited, batches) = (default, default, 0);
        }
    }
}
