using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Sync.Mirror;

/// <summary>What a copy of a vault is at one moment.</summary>
/// <param name="Descriptor">Its vault.json; empty where nothing is yet.</param>
/// <param name="Head">The payload of its newest HEAD entry; empty for none.</param>
/// <param name="LogBytes">Bytes of its log up to the end of that entry.</param>
/// <param name="AuditBytes">Bytes of its audit log's entries.</param>
public sealed record MirrorState(ReadOnlyMemory<byte> Descriptor, ReadOnlyMemory<byte> Head, long LogBytes, long AuditBytes)
{
    /// <summary>Nothing.</summary>
    public static MirrorState None { get; } = new(default, default, 0, 0);

    /// <summary>Whether a head is there.</summary>
    public bool HasHead => !Head.IsEmpty;

    /// <summary>The head's number; 0 for none.</summary>
    public ulong Seq => HasHead ? HeadRecord.Parse(Head.Span).Seq : 0;

    /// <summary>The head's entry hash.</summary>
    public Digest HeadHash => HasHead ? DomainHash.OfEntry(HeadRecord.EntryType, Head.Span) : Digest.Zero;

    /// <summary>The vault's cells have this many bytes.</summary>
    /// <exception cref="VmPodException">The descriptor is not one (4, 5).</exception>
    public int CellBytes => VaultDescriptor.Parse(Descriptor.Span).CellBytes;
}
