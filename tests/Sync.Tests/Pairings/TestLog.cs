using VmPod.Sync.Channel.Pairings;

namespace VmPod.Sync.Tests.Pairings;

/// <summary>Keeps what was recorded, or fails at one kind.</summary>
internal sealed class TestLog(PairingEventKind? failAt = null) : IPairingLog
{
    private readonly List<PairingEvent> events = [];

    internal IEnumerable<PairingEventKind> Kinds
    {
        get
        {
            lock (events)
                return [.. events.Select(e => e.Kind)];
        }
    }

    internal PairingEvent Last
    {
        get
        {
            lock (events)
                return events[^1];
        }
    }

    public void Record(PairingEvent entry)
    {
        if (entry.Kind == failAt)
            throw new IOException("The disk of the log is full.");
        lock (events)
            events.Add(entry);
    }
}
