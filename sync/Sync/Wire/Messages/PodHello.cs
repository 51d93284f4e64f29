using System.Diagnostics.CodeAnalysis;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>HELLO of a pod.</summary>
public sealed record PodHello : IWireHello
{
    /// <summary>The vault.</summary>
    public required UInt128 VaultId { get; init; }

    /// <summary>Bytes of its cells; every limit of this link follows from it.</summary>
    public required int CellBytes { get; init; }

    /// <summary>Whether the pod holds the vault's keys.</summary>
    public required bool IsUnlocked { get; init; }

    /// <summary>The pod's clock, ms since 1970.</summary>
    public required ulong TimeMs { get; init; }

    /// <summary>The head's number.</summary>
    public required ulong HeadSeq { get; init; }

    /// <summary>The head's hash.</summary>
    public required Digest HeadHash { get; init; }

    /// <summary>The owner's Ed25519 public key, 32 bytes; zeros if the pod is locked.</summary>
    public required ReadOnlyMemory<byte> OwnerPublicKey { get; init; }

    /// <inheritdoc/>
    public WireRole Role => WireRole.Pod;

    /// <inheritdoc/>
    public WireVersions Versions { get; init; } = WireVersions.Own;

    /// <inheritdoc/>
    public WireType Type => WireType.Hello;

    /// <inheritdoc/>
    public int BodyBytes => HelloPrefix.Bytes + 16 + 4 + 1 + 8 + 8 + Digest.Size + Digest.Size;

    /// <summary>Reads a body. False unless it is canonical and within the limits.</summary>
    /// <exception cref="Foundation.VmPodException">The versions do not meet (exit code 4).</exception>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out PodHello? message)
    {
        message = null;
        var r = new ByteReader(body);
        if (!HelloPrefix.TryRead(ref r, WireRole.Pod, out WireVersions versions))
            return false;
        UInt128 vault = r.UInt128();
        uint cellBytes = r.UInt32();
        bool isUnlocked = r.Flag();
        ulong time = r.UInt64(), seq = r.UInt64();
        Digest head = r.Hash();
        ReadOnlySpan<byte> owner = r.Bytes(Digest.Size);
        r.Require(cellBytes <= FormatLimits.CellBytesMax && CellLayout.IsValidSize((int)cellBytes));
        r.Require(isUnlocked || owner.IndexOfAnyExcept((byte)0) < 0);
        if (!r.IsAtEnd)
            return false;
        message = new()
        {
            Versions = versions,
            VaultId = vault,
            CellBytes = (int)cellBytes,
            IsUnlocked = isUnlocked,
            TimeMs = time,
            HeadSeq = seq,
            HeadHash = head,
            OwnerPublicKey = owner.ToArray(),
        };
        return true;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
        var w = new SpanWriter(body);
        HelloPrefix.Write(ref w, Role, Versions);
        w.UInt128(VaultId);
        w.UInt32((uint)CellBytes);
        w.Flag(IsUnlocked);
        w.UInt64(TimeMs);
        w.UInt64(HeadSeq);
        w.Hash(HeadHash);
        w.Bytes(OwnerPublicKey.Span, Digest.Size);
        w.End();
    }
}
