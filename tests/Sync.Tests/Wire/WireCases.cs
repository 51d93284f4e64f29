using CsCheck;
using VmPod.Foundation;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;

namespace VmPod.Sync.Tests.Wire;

/// <summary>All messages of the wire, with random contents.</summary>
internal static class WireCases
{
    /// <summary>The cells of these tests: the smallest that a vault may have.</summary>
    internal const int CellBytes = FormatLimits.CellBytesMin;

    private static readonly string[] Letters = ["a", "Z", " ", "-", "\"", "ä", "名", "🎒"];

    internal static readonly Gen<Digest> Hash = Gen.Byte.Array[Digest.Size].Select(b => Digest.ReadFrom(b));
    internal static readonly Gen<CellId> Id = Hash.Select(h => new CellId(h));
    internal static readonly Gen<UInt128> U128 = Gen.Select(Gen.ULong, Gen.ULong, (a, b) => new UInt128(a, b));
    internal static readonly Gen<SessionHandle> Handle = U128.Select(v => new SessionHandle(v));
    internal static readonly Gen<ReadOnlyMemory<byte>> Bytes32 = Gen.Byte.Array[32].Select(b => (ReadOnlyMemory<byte>)b);
    internal static readonly Gen<ReadOnlyMemory<byte>> Bytes64 = Gen.Byte.Array[64].Select(b => (ReadOnlyMemory<byte>)b);
    private static readonly Gen<GenerationKind> Kind = Gen.Int[1, 3].Select(k => (GenerationKind)k);

    internal static readonly Gen<CommitRecord> Record =
        from vault in U128
        from session in Handle
        from numbers in Gen.ULong.Array[9]
        from kind in Kind
        from hashes in Hash.Array[4]
        from manifest in Id.Array[1, 4]
        from slot in Gen.UInt
        from bytes in Gen.UInt[1, FormatLimits.ManifestBytesMax]
        from counts in Gen.UInt[0, FormatLimits.CommitIdsMax].Array[2]
        select new CommitRecord
        {
            VaultId = vault,
            Session = session,
            LeaseId = numbers[0],
            Term = numbers[1],
            Number = numbers[2],
            Kind = kind,
            Generation = numbers[3],
            TimeMs = numbers[4],
            Parent = hashes[0],
            ParentOffset = numbers[5],
            SessionOffset = numbers[6],
            LeaseOffset = numbers[7],
            ManifestCells = manifest,
            ManifestSlot = slot,
            ManifestBytes = bytes,
            AddedCount = counts[0],
            AddedHash = hashes[1],
            DroppedCount = counts[1],
            DroppedHash = hashes[2],
            LiveCount = numbers[8],
            LiveRoot = hashes[3],
        };

    private static readonly Gen<LeaseBase?> Base = Gen.Select(Hash, Gen.ULong[0, long.MaxValue], Record, Bytes64, Gen.Byte.Array[1, 1024],
        (hash, offset, record, signature, certificate) => (LeaseBase?)new LeaseBase
        {
            EntryHash = hash,
            EntryOffset = offset,
            Record = record,
            Signature = signature,
            Certificate = certificate,
        });

    internal static readonly Gen<LeaseReply> Lease = Gen.Select(Handle, Gen.ULong.Array[6], Gen.UInt,
        Gen.Frequency((1, Gen.Const((LeaseBase?)null)), (3, Base)),
        (session, n, expires, from) => new LeaseReply
        {
            Session = session,
            LeaseId = n[0],
            Term = n[1],
            SessionOffset = n[2],
            LeaseOffset = n[3],
            LastGeneration = n[4],
            LastNumber = n[5],
            ExpiresInMs = expires,
            Base = from,
        });

    private static readonly Gen<SessionReply> Session = Gen.Select(Handle, Gen.Bool, Gen.Frequency((1, Gen.Const((CommitRecord?)null)), (3, Record!)),
        Gen.Select(Gen.ULong, Gen.ULong, Kind, Gen.ULong, (g, n, k, t) => new GenerationLine(g, n, k, t)).Array[0, 20],
        (handle, isOpen, tip, lines) => new SessionReply
        {
            Handle = handle,
            IsLeaseOpen = isOpen,
            CommitCount = tip is null ? 0 : 1_000UL,
            Tip = tip,
            Generations = tip is null ? [] : [.. lines.DistinctBy(l => l.Number).OrderByDescending(l => l.Number)],
        });

    private static readonly Gen<SessionLine> Line = Gen.Select(Handle, Text(0, 128), Gen.Bool, Gen.ULong, Gen.ULong, Gen.ULong,
        (h, name, isOpen, commits, generation, time) => new SessionLine(h, name, isOpen, commits, generation, time));

    private static readonly Gen<ForkLine> Fork = Gen.Select(Gen.ULong, Gen.ULong, Kind, Gen.Int[1, 4], Gen.Bool, Text(0, 64),
        (lease, time, kind, trust, waits, host) => new ForkLine(lease, time, kind, (CommitTrust)trust, waits, host));

    internal static IReadOnlyList<WireCase> All { get; } =
    [
        WireCase.Of<HostHello>("hello-host", WireRole.Host,
            Gen.Select(U128, Gen.ULong, Text(0, 64), (b, t, n) => new HostHello { BootId = b, TimeMs = t, DisplayName = n }), HostHello.TryRead),
        WireCase.Of<PodHello>("hello-pod", WireRole.Pod, Gen.Select(U128, Gen.Int[4, 64], Gen.Bool, Gen.ULong, Gen.ULong, Hash, Bytes32,
            (vault, units, unlocked, time, seq, head, owner) => new PodHello
            {
                VaultId = vault,
                CellBytes = units * FormatLimits.CellUnitBytes,
                IsUnlocked = unlocked,
                TimeMs = time,
                HeadSeq = seq,
                HeadHash = head,
                OwnerPublicKey = unlocked ? owner : new byte[32],
            }), PodHello.TryRead),
        BeatOf("beat-host", WireRole.Host, WireLimits.VersionMax),
        BeatOf("beat-pod", WireRole.Pod, WireLimits.VersionMax),
        WireCase.Of<ErrorReply>("error", WireRole.Pod, Gen.Select(Gen.Int[1, 9], Text(0, 512), Text(0, 512),
            (code, what, cure) => new ErrorReply { ExitCode = (ExitCode)code, Message = what, Cure = cure }), ErrorReply.TryRead),
        Empty("done", DoneReply.Instance, WireRole.Pod, DoneReply.TryRead),
        WireCase.Of<FindRequest>("find", WireRole.Host, Text(1, 128).Select(n => new FindRequest { Name = n }), FindRequest.TryRead),
        WireCase.Of<SessionReply>("session", WireRole.Pod, Session, SessionReply.TryRead),
        Empty("list", ListRequest.Instance, WireRole.Host, ListRequest.TryRead),
        WireCase.Of<SessionsReply>("sessions", WireRole.Pod, Line.Array[0, 20].Select(l => new SessionsReply { Lines = l }), SessionsReply.TryRead),
        WireCase.Of<LeaseRequest>("open-lease", WireRole.Host, Gen.Select(Text(1, 128), Gen.Int[1, 3], Gen.Bool, Gen.Int[0, 3], Gen.ULong, Bytes32,
            (name, purpose, create, from, generation, signer) => new LeaseRequest
            {
                Session = name,
                Purpose = (LeasePurpose)purpose,
                Create = create,
                Tip = from == 1,
                Generation = from == 2 ? generation : null,
                Fork = from == 3 ? generation : null,
                Signer = signer,
            }), LeaseRequest.TryRead),
        LeaseCase(),
        WireCase.Of<AttachRequest>("attach", WireRole.Host, Gen.Select(Handle, Gen.ULong, Gen.ULong,
            (s, l, t) => new AttachRequest { Session = s, LeaseId = l, Term = t }), AttachRequest.TryRead),
        WireCase.Of<AttachedReply>("attached", WireRole.Pod, Gen.Select(Gen.ULong[0, 3], Hash, Gen.ULong, Gen.UInt, Gen.Bool,
            (number, hash, offset, expires, isOpen) => new AttachedReply
            {
                LastNumber = number,
                EntryHash = number == 0 ? Digest.Zero : hash,
                EntryOffset = number == 0 ? ulong.MaxValue : offset,
                ExpiresInMs = isOpen ? expires : 0,
                IsOpen = isOpen,
            }), AttachedReply.TryRead),
        Empty("get-home-key", HomeKeyRequest.Instance, WireRole.Host, HomeKeyRequest.TryRead),
        new("home-key", WireType.HomeKey, WireRole.Pod, Bytes32.Select(k => k.ToArray()), body => HomeKeyReply.TryRead(body, out _) ? Copy(body) : null),
        WireCase.Of<LeaseKeysRequest>("get-lease-keys", WireRole.Host, Handle.Select(h => new LeaseKeysRequest { Session = h }), LeaseKeysRequest.TryRead),
        WireCase.Of<LeaseKeysReply>("lease-keys", WireRole.Pod, Gen.Select(Gen.ULong, Bytes64, (id, key) => new WrappedLeaseKey(id, key)).Array[0, 50]
            .Select(keys => new LeaseKeysReply { Keys = [.. keys.DistinctBy(k => k.LeaseId).OrderBy(k => k.LeaseId)] }), LeaseKeysReply.TryRead),
        WireCase.Of<ForksRequest>("get-forks", WireRole.Host, Handle.Select(h => new ForksRequest { Session = h }), ForksRequest.TryRead),
        WireCase.Of<ForksReply>("forks", WireRole.Pod, Fork.Array[0, 50]
            .Select(l => new ForksReply { Lines = [.. l.DistinctBy(f => f.LeaseId).OrderBy(f => f.LeaseId)] }), ForksReply.TryRead),
        WireCase.Of<CellsRequest>("get-cells", WireRole.Host, Gen.Select(Gen.Int[1, 3], Gen.Byte, Id.Array[1, 64],
            (want, urgency, ids) => new CellsRequest { Want = (CellWant)want, Urgency = urgency, Ids = ids }), CellsRequest.TryRead),
        CellCase("cell-key", CellWant.Key),
        CellCase("cell-both", CellWant.Both),
        new("put-cell", WireType.PutCell, WireRole.Host, Gen.Byte.Select(Filled), body => body.Length == CellBytes ? Copy(body) : null),
        WireCase.Of<FlushRequest>("flush", WireRole.Host, Gen.ULong.Select(n => new FlushRequest { Ordinal = n }), FlushRequest.TryRead),
        WireCase.Of<FlushedReply>("flushed", WireRole.Pod, Gen.ULong.Select(n => new FlushedReply { DurableCount = n }), FlushedReply.TryRead),
        WireCase.Of<HaveRequest>("have", WireRole.Host, Id.Array[1, 100].Select(ids => new HaveRequest { Ids = ids }), HaveRequest.TryRead),
        WireCase.Of<HaveReply>("have-reply", WireRole.Pod, Gen.Bool.Array[1, 1024].Select(h => new HaveReply { Has = h }), HaveReply.TryRead),
        WireCase.Of<CommitRequest>("commit", WireRole.Host, Gen.Select(Gen.Bool, Record, Bytes64,
            (close, record, signature) => new CommitRequest { Close = close, Record = record, Signature = signature }), CommitRequest.TryRead),
        WireCase.Of<IdsMessage>("ids", WireRole.Host, Gen.Select(Gen.Bool, Id.Array[1, 100],
            (dropped, ids) => new IdsMessage { Dropped = dropped, Ids = [.. ids.Distinct().Order()] }), IdsMessage.TryRead),
        WireCase.Of<CommittedReply>("committed", WireRole.Pod, Gen.Select(Hash, Gen.ULong[0, long.MaxValue], Gen.ULong, Hash,
            (entry, offset, seq, head) => new CommittedReply { EntryHash = entry, EntryOffset = offset, HeadSeq = seq, HeadHash = head }),
            CommittedReply.TryRead),
        Empty("discard", DiscardRequest.Instance, WireRole.Host, DiscardRequest.TryRead),
        Empty("close-lease", CloseLeaseRequest.Instance, WireRole.Host, CloseLeaseRequest.TryRead),
        Empty("renew", RenewRequest.Instance, WireRole.Host, RenewRequest.TryRead),
        WireCase.Of<RenewedReply>("renewed", WireRole.Pod, Gen.UInt.Select(n => new RenewedReply { ExpiresInMs = n }), RenewedReply.TryRead),
        WireCase.Of<LogRequest>("log", WireRole.Host, Gen.Select(Gen.UShort, Gen.Select(Text(1, 32), Gen.Long, (n, v) => new LogNumber(n, v)).Array[0, 8],
            (kind, numbers) => new LogRequest { Kind = kind, Numbers = numbers }), LogRequest.TryRead),
        WireCase.Of<ReceiptRequest>("receipt", WireRole.Host, Gen.Select(Text(1, 1000), Bytes64,
            (json, signature) => new ReceiptRequest { Json = System.Text.Encoding.UTF8.GetBytes(json), Signature = signature }), ReceiptRequest.TryRead),
    ];

    internal static WireCase Named(string name) => All.First(c => c.Name == name);

    /// <summary>Printable text of so many bytes, of one to four bytes each character.</summary>
    private static Gen<string> Text(int bytesMin, int bytesMax) =>
        Gen.Int[0, Letters.Length - 1].Select(i => Letters[i]).Array[bytesMin, Math.Max(bytesMin, bytesMax / 4)].Select(string.Concat);

    private static WireCase Empty<T>(string name, T message, WireRole from, WireCase.TryRead<T> read)
        where T : class, IWireMessage => WireCase.Of(name, from, Gen.Const(message), read);

    /// <summary>A side's BEAT on a link of a version.</summary>
    internal static WireCase BeatOf(string name, WireRole from, int version) => new(name, WireType.Beat, from,
        Gen.Select(Gen.UInt, Gen.ULong, Gen.ULong, Gen.Bool, Gen.Int[0, 2], (count, time, bytes, unlocked, room) =>
            Write(new Beat(from, count, time, from == WireRole.Host ? bytes : 0, from == WireRole.Pod && unlocked,
                Beat.HasSpace(from, version) ? new PodSpace((PodRoom)room, bytes) : null))),
        body => Beat.TryRead(body, from, version, out Beat beat) ? () => Write(beat) : null);

    private static WireCase LeaseCase() => new("lease", WireType.Lease, WireRole.Pod,
        Gen.Select(Lease, Bytes32, (lease, key) => Write(lease, key.Span)),
        body =>
        {
            if (!LeaseReply.TryRead(body, out LeaseReply? lease))
                return null;
            byte[] key = LeaseReply.KeyIn(body).ToArray();
            return () => Write(lease, key);
        });

    private static WireCase CellCase(string name, CellWant want) => new(name, WireType.Cell, WireRole.Pod,
        Gen.Select(Gen.Int[0, 63], Gen.Int[0, 3], Bytes32, Gen.Byte, (index, status, key, fill) =>
        {
            bool ok = status == 0;
            byte[] cell = ok && want.HasFlag(CellWant.Cell) ? Filled(fill) : [];
            byte[] body = new byte[CellReply.BodyBytes(cell.Length)];
            new CellReply { Index = index, Status = (CellStatus)status, Key = ok ? key.Span : default, Cell = cell }.WriteTo(body);
            return body;
        }),
        body =>
        {
            if (!CellReply.TryRead(body, want, CellBytes, out CellReply cell))
                return null;
            (int index, CellStatus status, bool hasKey) = (cell.Index, cell.Status, !cell.Key.IsEmpty);
            byte[] from = body.ToArray();
            return () =>
            {
                byte[] again = new byte[from.Length];
                ReadOnlySpan<byte> whole = from;
                new CellReply { Index = index, Status = status, Key = hasKey ? whole.Slice(3, 32) : default, Cell = whole[35..] }.WriteTo(again);
                return again;
            };
        });

    private static byte[] Filled(byte value)
    {
        byte[] cell = new byte[CellBytes];
        Array.Fill(cell, value);
        return cell;
    }

    private static Func<byte[]> Copy(ReadOnlySpan<byte> body)
    {
        byte[] copy = body.ToArray();
        return () => copy;
    }

    private static byte[] Write(Beat beat)
    {
        byte[] body = new byte[beat.BodyBytes];
        beat.WriteTo(body);
        return body;
    }

    private static byte[] Write(LeaseReply lease, ReadOnlySpan<byte> key)
    {
        byte[] body = new byte[lease.BodyBytes];
        lease.WriteTo(body, key);
        return body;
    }
}
