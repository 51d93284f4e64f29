using CsCheck;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;
using Xunit;

namespace VmPod.Sync.Tests.Wire;

/// <summary>A host and a pod at the two ends of a real connection.</summary>
internal sealed class LinkPair : IDisposable
{
    private readonly LinkMemory hostMemory = new(), podMemory = new();

    internal LinkPair(FakePod? pod = null, Action<Exception>? bug = null, long? hostRate = null)
    {
        Pod = pod ?? new();
        Task<WireLink> serving = Task.Run(() => WireLink.Serve(Wires.Pod, PodSays(), _ => Pod, podMemory.Options(bug)));
        Host = WireLink.Connect(Wires.Host, HostSays(), hostMemory.Options(rate: hostRate));
        Serving = serving.Result;
    }

    /// <summary>Until then whatever must come has come: only a hang takes longer, on a machine however slow.</summary>
    internal static readonly TimeSpan Soon = TimeSpan.FromSeconds(60);

    internal TcpPair Wires { get; } = new();

    internal FakePod Pod { get; }

    internal WireLink Host { get; }

    internal WireLink Serving { get; }

    internal bool MemoryIsZero => hostMemory.IsZero && podMemory.IsZero;

    internal static HostHello HostSays() => new() { BootId = 1, TimeMs = 2, DisplayName = "a host" };

    internal static PodHello PodSays() => new()
    {
        VaultId = 3,
        CellBytes = WireCases.CellBytes,
        IsUnlocked = true,
        TimeMs = 4,
        HeadSeq = 5,
        HeadHash = Digest.Zero,
        OwnerPublicKey = new byte[32],
    };

    internal static CellId[] Ids(int count) => [.. WireCases.Id.Array[count].Example().Order()];

    internal static CommitRequest CommitOf(int added, int dropped) => new()
    {
        Close = false,
        Record = WireCases.Record.Example() with { AddedCount = (uint)added, DroppedCount = (uint)dropped },
        Signature = new byte[64],
    };

    internal static LeaseRequest LeaseOf(string session) =>
        new() { Session = session, Purpose = LeasePurpose.Resume, Create = true, Tip = false, Generation = null, Signer = new byte[32] };

    /// <summary>A request that any living link answers.</summary>
    internal void MustAnswer() => Assert.Single(Host.Call(ListRequest.Instance, Soon).Lines);

    public void Dispose()
    {
        Host.Dispose();
        Serving.Dispose();
        Wires.Dispose();
        hostMemory.Dispose();
        podMemory.Dispose();
    }
}
