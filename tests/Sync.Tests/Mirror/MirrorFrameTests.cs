using System.Buffers.Binary;
using System.IO.Pipes;
using VmPod.Foundation;
using VmPod.Sync.Mirror;
using VmPod.Sync.Tests.Difference;
using VmPod.Testing;
using VmPod.Vault.Format;
using Xunit;

namespace VmPod.Sync.Tests.Mirror;

/// <summary>Frames of the mirror protocol: known answers, and what belongs where.</summary>
public sealed class MirrorFrameTests
{
    private static readonly byte[] Descriptor =
        [.. Vectors().Where(v => v.What == "state").Select(v => v.Frame[7..]).First().TakeWhile(b => b != '}'), .. "}\n"u8];

    [Fact]
    [Trait("Spec", "S-160")]
    [Trait("Spec", "S-161")]
    [Trait("Spec", "S-162")]
    [Trait("Spec", "S-165")]
    [Trait("Spec", "S-166")]
    public void Frames_are_read_as_the_specification_has_them_and_others_are_refused()
    {
        int ok = 0, refused = 0;
        foreach ((bool isOk, string what, byte[] frame) in Vectors())
        {
            string name = $"{what} {Convert.ToHexString(frame)}";
            if (!isOk)
            {
                VmPodException e = Assert.ThrowsAny<VmPodException>(() => Read(what, frame));
                Assert.True(e.ExitCode is ExitCode.Damaged or ExitCode.Refused, name);
                refused++;
                continue;
            }
            Assert.True(frame.AsSpan().SequenceEqual(Read(what, frame)), name);
            ok++;
        }
        Assert.True(ok >= 12 && refused >= 20);
    }

    [Fact]
    [Trait("Spec", "S-163")]
    [Trait("Spec", "S-161")]
    public void What_does_not_belong_there_ends_the_link_and_is_not_answered()
    {
        byte[] hello = Frame(MirrorType.Hello, MirrorBody.Hello(MirrorBody.Asks)), read = Frame(MirrorType.Begin, [0]),
            write = Frame(MirrorType.Begin, [MirrorBody.Writes, .. Descriptor]);
        // So far all is well, and each belongs somewhere.
        Assert.Equal(ExitCode.Done, Serve([.. hello, .. read, .. Frame(MirrorType.GetCheckpoint)]).Code);
        Assert.Equal(ExitCode.Done, Serve([.. hello, .. write, .. Frame(MirrorType.Free)]).Code);
        (byte[] Before, byte[] Wrong)[] wrong =
        [
            ([], Frame(MirrorType.Begin, [0])), (hello, hello), (hello, Frame(MirrorType.Free)), (hello, Frame(MirrorType.Ids)),
            ([.. hello, .. read], Frame(MirrorType.Free)), ([.. hello, .. read], write), ([.. hello, .. write], read), ([.. hello, .. write], write),
            ([.. hello, .. write], Frame(MirrorType.Get, new byte[32])), ([.. hello, .. write], Frame(MirrorType.Put, new byte[32 + 65_535])),
            ([.. hello, .. write], Frame(MirrorType.Flush, MirrorBody.Number(1))), ([.. hello, .. read], Frame(MirrorType.Get)),
            ([.. hello, .. read], Frame(MirrorType.Get, new byte[33])), ([.. hello, .. read], Frame(MirrorType.Get, new byte[65 * 32])),
            ([.. hello, .. read], Frame(MirrorType.Ids, new byte[31])), ([.. hello, .. write], Frame(MirrorType.Alarm, [1])),
            ([.. hello, .. write], Frame(MirrorType.PutLog, new byte[8])), ([.. hello, .. read], Frame((MirrorType)99)),
            ([.. hello, .. read], Frame(MirrorType.Cell)), (hello, Frame(MirrorType.Begin, [MirrorBody.Writes])),
            (hello, Frame(MirrorType.Begin, [(byte)MirrorWishes.Dry])), (hello, Frame(MirrorType.Begin, [8])), (hello, Frame(MirrorType.Begin, [4])),
        ];
        foreach ((byte[] before, byte[] last) in wrong)
        {
            (ExitCode code, int answered) = Serve([.. before, .. last]);
            string name = $"type {last[4]} with {last.Length - 5} bytes";
            Assert.True(code == ExitCode.Damaged, name);
            Assert.True(answered == Serve(before).Answered, name);
        }
    }

    [Fact]
    [Trait("Spec", "S-161")]
    [Trait("Threat", "T-46")]
    public void A_length_is_compared_with_its_types_bound_before_memory_is_taken()
    {
        byte[] hello = Frame(MirrorType.Hello, MirrorBody.Hello(MirrorBody.Asks)), read = Frame(MirrorType.Begin, [0]);
        byte[] claims = [0x7F, 0xFF, 0xFF, 0xFF, (byte)MirrorType.Judge];
        _ = Serve([.. hello, .. read, .. claims]);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(ExitCode.Damaged, Serve([.. hello, .. read, .. claims]).Code);
        // 2 GiB were claimed; what a link has by itself is under 1 MiB.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2 << 20);
    }

    [Fact]
    [Trait("Spec", "S-163")]
    [Trait("Spec", "S-120")]
    public void Questions_about_one_depth_go_together_so_that_a_links_delay_is_waited_for_a_few_times()
    {
        CellId[] here = [.. Enumerable.Range(0, 50_000).Select(n => IdSets.Id(n)).Order()], there = [.. here.Where((_, i) => i % 25 != 0)];
        using AnonymousPipeServerStream toServer = new(PipeDirection.Out), toClient = new(PipeDirection.Out);
        using var heardByServer = new AnonymousPipeClientStream(PipeDirection.In, toServer.ClientSafePipeHandle);
        using var heardByClient = new AnonymousPipeClientStream(PipeDirection.In, toClient.ClientSafePipeHandle);
        var answering = new Thread(() =>
        {
            using var server = new MirrorServer(heardByServer, toClient, () => new Stub(), () => new Stub(there));
            _ = server.Run();
        });
        answering.Start();
        using var said = new Counted(toServer);
        using (var client = new MirrorClient(heardByClient, said, null))
        {
            _ = client.Begin(Descriptor, MirrorWishes.None);
            (int sends, int questions) = (said.Sends, said.Of(MirrorType.Question));
            Assert.Equal(here.Except(there).Order(), client.Lacks(here));
            // One for the root, and one for each depth below it; a depth of more than 16 questions takes one more for each 16.
            Assert.InRange(said.Of(MirrorType.Question) - questions, 20, 64);
            Assert.InRange(said.Sends - sends, 4, 8);
        }
        answering.Join();
    }

    [Fact]
    [Trait("Spec", "S-163")]
    [Trait("Spec", "S-176")]
    public void A_copy_that_is_only_read_says_so_and_the_text_of_an_error_draws_nothing()
    {
        var output = new MemoryStream();
        using (var server = new MirrorServer(new MemoryStream([.. Frame(MirrorType.Hello, MirrorBody.Hello(MirrorBody.Asks)),
            .. Frame(MirrorType.Begin, [MirrorBody.Writes, .. Descriptor])]), output, () => new Stub(), write: null))
            Assert.Equal(ExitCode.Refused, server.Run());
        using var client = new MirrorClient(new MemoryStream(output.ToArray()), Stream.Null, null);
        Assert.Equal(ExitCode.Refused, Assert.Throws<VmPodException>(() => client.Begin(Descriptor, MirrorWishes.None)).ExitCode);
        byte[] text = MirrorBody.Error(new VmPodException(ExitCode.Refused, "a\u001b[2Jb\u202ec"));
        Assert.Equal("The other side says: a [2Jb c", MirrorBody.ReadError(text).Message);
    }

    [Fact]
    [Trait("Spec", "S-165")]
    [Trait("Spec", "S-164")]
    public void A_cell_that_is_not_what_was_asked_for_ends_the_link()
    {
        byte[] cell = new byte[65_536];
        cell[0] = 1;
        CellId id = CellId.Of(cell);
        Assert.Equal(1, Get(cell, id));
        Assert.Equal(0, Get([], id));
        cell[1] = 1;
        Assert.Equal(ExitCode.Damaged, Assert.ThrowsAny<VmPodException>(() => Get(cell, id)).ExitCode);
        Assert.Equal(ExitCode.Damaged, Assert.ThrowsAny<VmPodException>(() => Get(cell[..100], CellId.Of(cell.AsSpan(0, 100)))).ExitCode);
        Assert.Equal(ExitCode.LinkLost, Assert.ThrowsAny<VmPodException>(() => Get(null, id)).ExitCode);
    }

    private static int Get(byte[]? cell, CellId id)
    {
        byte[] state = Vectors().Last(v => v.IsOk && v.What == "state").Frame;
        byte[] said = [.. Frame(MirrorType.Hello, MirrorBody.Hello(MirrorBody.Answers)), .. state, .. cell is null ? [] : Frame(MirrorType.Cell, cell)];
        using var client = new MirrorClient(new MemoryStream(said), Stream.Null, null);
        _ = client.Begin();
        int got = 0;
        client.ReadCells([id], (_, bytes) => got += bytes.IsEmpty ? 0 : 1);
        return got;
    }

    private static byte[] Read(string what, byte[] frame)
    {
        var frames = new MirrorFrames(new MemoryStream(frame), Stream.Null);
        ReadOnlySpan<byte> body = frames.Read(_ => MirrorLimits.BodyBytesMax, out MirrorType? type);
        switch (what)
        {
            case "hello":
                MirrorBody.CheckHello(body, MirrorBody.Asks);
                return frame;
            case "state":
                return Frame(type!.Value, MirrorBody.State(MirrorBody.ReadState(body)));
            case "ids":
                return Frame(type!.Value, MirrorBody.Ids(MirrorBody.ReadAscending(body, null)));
            case "piece":
                (long offset, int count) = MirrorBody.ReadPiece(body);
                return Frame(type!.Value, MirrorBody.Piece(offset, count));
            case "number":
                return Frame(type!.Value, MirrorBody.Number(MirrorBody.ReadNumber(body)));
            case "verdict":
                return Frame(type!.Value, [(byte)MirrorBody.ReadVerdict(body)]);
            default:
                VmPodException e = MirrorBody.ReadError(body);
                return Frame(type!.Value, MirrorBody.Error(new VmPodException(e.ExitCode, e.Message["The other side says: ".Length..], e.Hint)));
        }
    }

    private static (ExitCode Code, int Answered) Serve(byte[] said)
    {
        var output = new MemoryStream();
        using var server = new MirrorServer(new MemoryStream(said), output, () => new Stub(), () => new Stub());
        try
        {
            return (server.Run(), (int)output.Length);
        }
        catch (VmPodException e)
        {
            return (e.ExitCode, (int)output.Length);
        }
    }

    private static byte[] Frame(MirrorType type, byte[]? body = null)
    {
        byte[] frame = [0, 0, 0, 0, (byte)type, .. body ?? []];
        BinaryPrimitives.WriteInt32BigEndian(frame, frame.Length - 4);
        return frame;
    }

    private static IEnumerable<(bool IsOk, string What, byte[] Frame)> Vectors() =>
        File.ReadLines(Repository.PathOf("tests", "Vectors", "mirror", "v1", "frames.txt")).Select(line => line.Split(' '))
            .Select(parts => (parts[0] == "ok", parts[1], Convert.FromHexString(parts[2])));

    /// <summary>Counts what is said: how often something is sent, and frames of a type.</summary>
    private sealed class Counted(Stream to) : MemoryStream
    {
        private long sent;

        internal int Sends { get; private set; }

        internal int Of(MirrorType type)
        {
            int count = 0;
            byte[] all = ToArray();
            for (int at = 0; at < all.Length; at += 4 + BinaryPrimitives.ReadInt32BigEndian(all.AsSpan(at)))
                count += all[at + 4] == (byte)type ? 1 : 0;
            return count;
        }

        public override void Flush()
        {
            if (Length == sent)
                return;
            to.Write(GetBuffer().AsSpan((int)sent, (int)(Length - sent)));
            to.Flush();
            (sent, Sends) = (Length, Sends + 1);
        }
    }

    /// <summary>A copy that takes everything, and has nothing, or some cells.</summary>
    private sealed class Stub(CellId[]? has = null) : IMirrorReader, IMirrorWriter
    {
        public MirrorState Begin() => new(Descriptor, default, 0, 0);

        public MirrorState Begin(ReadOnlyMemory<byte> descriptor, MirrorWishes wishes) => new(descriptor, default, 0, 0);

        public CellId[] Ids() => [];

        public CellId[] Known() => has ?? [];

        public CellId[] Lacks(CellId[] ids) => ids;

        public void ReadCells(ReadOnlySpan<CellId> ids, MirrorCell take)
        {
            foreach (CellId id in ids)
                take(id, default);
        }

        public int ReadLog(long offset, Span<byte> into) => 0;

        public int ReadAudit(long offset, Span<byte> into) => 0;

        public byte[] ReadCheckpoint() => [];

        public MirrorVerdict Judge(MirrorState mirror) => MirrorVerdict.Same;

        public void Put(in CellId id, ReadOnlySpan<byte> cell)
        {
        }

        public void Flush()
        {
        }

        public void PutLog(long offset, ReadOnlySpan<byte> bytes)
        {
        }

        public MirrorState TakeHead(long logBytes) => MirrorState.None;

        public void PutAudit(long offset, ReadOnlySpan<byte> bytes)
        {
        }

        public void TakeAudit(ReadOnlyMemory<byte> checkpoint)
        {
        }

        public void Alarm(MirrorVerdict verdict)
        {
        }

        public long Free() => 0;

        public void Dispose()
        {
        }
    }
}
