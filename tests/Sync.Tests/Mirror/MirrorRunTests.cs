using VmPod.Foundation;
using VmPod.Sync.Mirror;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using Xunit;

namespace VmPod.Sync.Tests.Mirror;

/// <summary>The order of a mirror's steps, and a pod that goes on meanwhile.</summary>
public sealed class MirrorRunTests
{
    private static readonly VaultDescriptor Vault = new()
    {
        VaultId = 7,
        CellBytes = StoreLimits.CellBytesMin,
        Suite = 2,
        CreatedMs = 1_800_000_000_000,
        LogPublicKey = new byte[32],
    };

    [Fact]
    [Trait("Spec", "P-114")]
    [Trait("Spec", "S-170")]
    public void Cells_come_before_the_log_the_log_before_the_head_and_the_audit_log_after_it()
    {
        var pod = new FakePod([1, 2, 3]);
        var mirror = new FakeMirror();
        MirrorResult result = MirrorRun.Run(pod, mirror, MirrorWishes.None, null, CancellationToken.None);
        Assert.Equal((MirrorVerdict.New, 3L, 0, 1UL), (result.Verdict, result.Cells, result.Absent.Count, result.Head));
        Assert.Equal(["begin", "put", "put", "put", "flush", "log", "head", "audit", "checkpoint", "free"], mirror.Steps);
    }

    [Fact]
    [Trait("Spec", "P-113")]
    public void What_the_pod_freed_meanwhile_is_not_waited_for_if_a_newer_head_does_not_need_it()
    {
        var pod = new FakePod([1, 2, 3]) { FreedBeforeRead = 2, Next = [1, 3, 4] };
        var mirror = new FakeMirror();
        MirrorResult result = MirrorRun.Run(pod, mirror, MirrorWishes.None, null, CancellationToken.None);
        Assert.Equal((3L, 0, 2UL), (result.Cells, result.Absent.Count, result.Head));
        Assert.Equal([1, 3, 4], mirror.Cells.Order());
    }

    [Fact]
    [Trait("Spec", "P-119")]
    public void What_is_missing_at_the_same_head_is_counted_and_nothing_is_freed_for_it()
    {
        var pod = new FakePod([1, 2, 3]) { FreedBeforeRead = 2 };
        var mirror = new FakeMirror();
        MirrorResult result = MirrorRun.Run(pod, mirror, MirrorWishes.None, null, CancellationToken.None);
        Assert.Equal(Id(2), Assert.Single(result.Absent));
        Assert.Contains("head", mirror.Steps);
        Assert.DoesNotContain("free", mirror.Steps);
    }

    [Fact]
    [Trait("Spec", "S-166")]
    public void A_mirror_that_says_it_took_another_head_is_not_believed()
    {
        var mirror = new FakeMirror { Lies = true };
        Assert.Equal(ExitCode.Damaged, Assert.ThrowsAny<VmPodException>(() =>
            MirrorRun.Run(new FakePod([1]), mirror, MirrorWishes.None, null, CancellationToken.None)).ExitCode);
    }

    private static byte[] Cell(int number) => [.. Enumerable.Repeat((byte)number, StoreLimits.CellBytesMin)];

    private static CellId Id(int number) => CellId.Of(Cell(number));

    private static MirrorState State(ulong seq)
    {
        byte[] head =
        [
            .. new HeadRecord
            {
                VaultId = Vault.VaultId, Seq = seq, NvCounter = 0, TimeMs = 0, Frontier = LogFrontier.Empty, LogBytes = (long)seq * 1000, Sessions = [],
            }.EncodeUnsigned(), .. new byte[HeadRecord.SignatureSize],
        ];
        return new MirrorState(Vault.Encode(), head, (long)seq * 1000 + StoreLimits.EntryHeaderBytes + head.Length, 0);
    }

    private sealed class FakePod(int[] cells) : IMirrorReader
    {
        private ulong seq = 1;
        private int[] now = cells;

        internal int FreedBeforeRead { get; init; }

        internal int[]? Next { get; init; }

        public MirrorState Begin() => State(seq);

        public CellId[] Ids() => [.. now.Select(Id).Order()];

        public void ReadCells(ReadOnlySpan<CellId> ids, MirrorCell take)
        {
            foreach (CellId id in ids)
            {
                int number = Enumerable.Range(1, 9).First(n => Id(n) == id);
                take(id, number == FreedBeforeRead ? default : Cell(number));
            }
            if (seq == 1 && Next is not null)
                (seq, now) = (2, Next);
        }

        public int ReadLog(long offset, Span<byte> into) => into.Length;

        public int ReadAudit(long offset, Span<byte> into) => offset > 0 ? 0 : 10;

        public byte[] ReadCheckpoint() => [1];

        public MirrorVerdict Judge(MirrorState mirror) => MirrorVerdict.Newer;

        public void Dispose()
        {
        }
    }

    private sealed class FakeMirror : IMirrorWriter
    {
        internal List<string> Steps { get; } = [];

        internal HashSet<int> Cells { get; } = [];

        internal bool Lies { get; init; }

        public MirrorState Begin(ReadOnlyMemory<byte> descriptor, MirrorWishes wishes)
        {
            Steps.Add("begin");
            return MirrorState.None;
        }

        public CellId[] Known() => [.. Cells.Select(Id).Order()];

        public CellId[] Lacks(CellId[] ids) => [.. ids.Except(Known())];

        public void Put(in CellId id, ReadOnlySpan<byte> cell)
        {
            Steps.Add("put");
            Cells.Add(cell[0]);
        }

        public void Flush() => Steps.Add("flush");

        public void PutLog(long offset, ReadOnlySpan<byte> bytes) => Steps.Add("log");

        public MirrorState TakeHead(long logBytes)
        {
            Steps.Add("head");
            return State(Lies ? 9 : logBytes > 2000 ? 2UL : 1);
        }

        public void PutAudit(long offset, ReadOnlySpan<byte> bytes) => Steps.Add("audit");

        public void TakeAudit(ReadOnlyMemory<byte> checkpoint) => Steps.Add("checkpoint");

        public void Alarm(MirrorVerdict verdict) => Steps.Add("alarm");

        public long Free()
        {
            Steps.Add("free");
            return 0;
        }

        public void Dispose()
        {
        }
    }
}
