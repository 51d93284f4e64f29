using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>What may come: by type, who sends it, as what, and how long its body is. Checked before anything is allocated (S-61, S-62).</summary>
/// <param name="Sender">Who sends it; null for both.</param>
/// <param name="Kind">Whether it is asked, answered or just said.</param>
/// <param name="BodyMin">Bytes of the shortest body.</param>
/// <param name="BodyMax">Bytes of the longest.</param>
public readonly record struct WireRule(WireRole? Sender, FrameKind Kind, int BodyMin, int BodyMax)
{
    private const int Handle = SessionHandle.Size, Hash = Digest.Size, Signature = CommitRecord.SignatureBytes, TextMin = 2;

    /// <summary>Bytes of a CELL before the cell itself: index 2, status 1, key 32.</summary>
    internal const int CellPrefixBytes = 35;

    /// <summary>Bytes of a cell's key, and of a lease's.</summary>
    internal const int KeyBytes = 32;

    /// <summary>The rule of a type; null for a type that does not exist.</summary>
    /// <param name="type">The type byte.</param>
    /// <param name="cellBytes">Bytes of the vault's cells; 0 before the HELLOs.</param>
    public static WireRule? Of(WireType type, int cellBytes) => type switch
    {
        WireType.Hello => new(null, FrameKind.OneWay, 9, WireLimits.HelloBytesMax),
        WireType.Beat => new(null, FrameKind.OneWay, 13, 22),
        WireType.Bye => new(null, FrameKind.OneWay, 0, 0),
        WireType.Error => Reply(1 + 2 * TextMin, 1 + 2 * (TextMin + WireLimits.ErrorTextBytesMax)),
        WireType.Done => Reply(0, 0),
        WireType.Find => Read(TextMin + 1, TextMin + WireLimits.SessionNameBytesMax),
        WireType.Session => Reply(Handle + 1 + 8 + 2 + 4, Handle + 1 + 8 + 2 + WireLimits.RecordBytesMax + 4 + WireLimits.GenerationsMax * 25),
        WireType.List => Read(0, 0),
        WireType.Sessions => Reply(4, 4 + WireLimits.SessionsMax * (Handle + TextMin + WireLimits.SessionNameBytesMax + 1 + 8 + 8 + 8)),
        WireType.OpenLease => Write(TextMin + 1 + 1 + 1 + 8 + Hash, TextMin + WireLimits.SessionNameBytesMax + 1 + 1 + 8 + Hash),
        WireType.Lease => Reply(LeaseFixed, LeaseFixed + Hash + 8 + 2 + WireLimits.RecordBytesMax + Signature + 2 + WireLimits.CertificateBytesMax),
        WireType.Attach => Write(Handle + 8 + 8, Handle + 8 + 8),
        WireType.Attached => Reply(8 + Hash + 8 + 4 + 1, 8 + Hash + 8 + 4 + 1),
        WireType.GetHomeKey => Write(0, 0),
        WireType.HomeKey => Reply(KeyBytes, KeyBytes),
        WireType.GetLeaseKeys => Read(Handle, Handle),
        WireType.LeaseKeys => Reply(2, 2 + FormatLimits.HomeLeaseKeysMax * WrappedLeaseKey.Bytes),
        WireType.GetForks => Read(Handle, Handle),
        WireType.Forks => Reply(2, 2 + WireLimits.ForksMax * (ForkLine.BytesMin + WireLimits.DisplayNameBytesMax)),
        WireType.GetCells => Read(1 + 1 + 2 + Hash, 1 + 1 + 2 + WireLimits.GetCellsMax * Hash),
        WireType.Cell => Reply(CellPrefixBytes, CellPrefixBytes + cellBytes),
        WireType.PutCell => new(WireRole.Host, FrameKind.OneWay, cellBytes, cellBytes),
        WireType.Flush => Write(8, 8),
        WireType.Flushed => Reply(8, 8),
        WireType.Have => Read(2 + Hash, 2 + WireLimits.HaveIdsMax * Hash),
        WireType.HaveReply => Reply(2 + 1, 2 + WireLimits.HaveIdsMax / 8),
        WireType.Commit => Write(1 + 2 + 1 + Signature + 8, 1 + 2 + WireLimits.RecordBytesMax + Signature + 8),
        WireType.Ids => new(WireRole.Host, FrameKind.OneWay, 1 + 4 + Hash, 1 + 4 + WireLimits.IdsMax * Hash),
        WireType.Committed => Reply(Hash + 8 + 8 + Hash, Hash + 8 + 8 + Hash),
        WireType.Discard or WireType.CloseLease => Write(0, 0),
        WireType.Renew => Read(0, 0),
        WireType.Renewed => Reply(4, 4),
        WireType.Log => Write(2 + 1, 2 + 1 + WireLimits.LogNumbersMax * (TextMin + WireLimits.LogNameBytesMax + 8)),
        WireType.Receipt => Write(2 + 1 + Signature, 2 + WireLimits.ReceiptBytesMax + Signature),
        _ => null,
    };

    /// <summary>Bytes of a LEASE without a base.</summary>
    internal const int LeaseFixed = Handle + 4 * 8 + KeyBytes + 2 * 8 + 4 + 1;

    private static WireRule Read(int min, int max) => new(WireRole.Host, FrameKind.Read, min, max);

    private static WireRule Write(int min, int max) => new(WireRole.Host, FrameKind.Write, min, max);

    private static WireRule Reply(int min, int max) => new(WireRole.Pod, FrameKind.Reply, min, max);
}
