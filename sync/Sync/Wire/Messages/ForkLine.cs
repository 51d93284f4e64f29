using System.Text;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>One fork of a FORKS.</summary>
/// <param name="LeaseId">The lease that left it: its name is <see cref="ForkName.Of"/> this.</param>
/// <param name="TimeMs">When it was made, by its writer's clock, ms since 1970.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Trust">How far it may be relied on.</param>
/// <param name="Waits">Whether nobody has decided about it yet.</param>
/// <param name="Host">How the host that left it calls itself; empty if the pod does not know, or does not say.</param>
public readonly record struct ForkLine(ulong LeaseId, ulong TimeMs, GenerationKind Kind, CommitTrust Trust, bool Waits, string Host)
{
    /// <summary>Bytes of a line without a name.</summary>
    internal const int BytesMin = 8 + 8 + 1 + 1 + 1 + 2;

    internal int Bytes => BytesMin + Encoding.UTF8.GetByteCount(Host);
}
