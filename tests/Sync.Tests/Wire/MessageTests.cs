using CsCheck;
using VmPod.Foundation;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;
using Xunit;

namespace VmPod.Sync.Tests.Wire;

public sealed class MessageTests
{
    public static TheoryData<string> Names => [.. WireCases.All.Select(c => c.Name)];

    [Fact]
    [Trait("Spec", "S-66")]
    public void Every_type_has_a_message_here()
    {
        WireType[] here = [.. WireCases.All.Select(c => c.Type), WireType.Bye];
        Assert.Empty(Enum.GetValues<WireType>().Except(here));
    }

    [Theory]
    [MemberData(nameof(Names))]
    [Trait("Spec", "S-64")]
    [Trait("Spec", "S-67")]
    public void A_message_that_was_written_reads_as_it_was(string name)
    {
        WireCase message = WireCases.Named(name);
        message.Bodies.Sample(body =>
        {
            Func<byte[]>? again = message.Read(body);
            return again is not null && again().AsSpan().SequenceEqual(body);
        }, iter: 300);
    }

    [Theory]
    [MemberData(nameof(Names))]
    [Trait("Spec", "S-61")]
    public void A_message_fits_the_limits_of_its_type(string name)
    {
        WireCase message = WireCases.Named(name);
        WireRule rule = WireRule.Of(message.Type, WireCases.CellBytes)!.Value;
        Assert.True(rule.Sender is null || rule.Sender == message.From);
        message.Bodies.Sample(body => body.Length >= rule.BodyMin && body.Length <= rule.BodyMax, iter: 100);
    }

    [Theory]
    [MemberData(nameof(Names))]
    [Trait("Spec", "S-64")]
    public void A_message_that_is_cut_or_goes_on_is_refused(string name)
    {
        WireCase message = WireCases.Named(name);
        message.Bodies.Sample(body =>
        {
            int step = Math.Max(1, body.Length / 300);
            for (int length = 0; length < body.Length; length += step)
                Assert.Null(message.Read(body.AsSpan(0, length)));
            Assert.Null(message.Read([.. body, 0]));
        }, iter: 5);
    }

    [Theory]
    [InlineData("a\nb")]
    [InlineData("a\u001b[2J")]
    [InlineData("a\u009bb")]
    [InlineData("a\u202eb")]
    [InlineData("a\u2028b")]
    [Trait("Spec", "S-65")]
    public void A_name_that_could_draw_on_the_terminal_is_refused_and_an_error_is_cleaned(string bad)
    {
        byte[] utf8 = System.Text.Encoding.UTF8.GetBytes(bad);
        byte[] find = [0, (byte)utf8.Length, .. utf8];
        Assert.False(FindRequest.TryRead(find, out _));
        byte[] error = [5, 0, (byte)utf8.Length, .. utf8, 0, 0];
        Assert.True(ErrorReply.TryRead(error, out ErrorReply? told));
        Assert.Equal(ExitCode.Damaged, told.ExitCode);
        Assert.True(WireText.IsPrintable(told.Message));
        Assert.StartsWith("a ", told.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Spec", "S-65")]
    public void An_error_of_any_length_is_cut_to_what_may_be_sent()
    {
        byte[] body = WireCase.BytesOf(new ErrorReply { ExitCode = ExitCode.Busy, Message = new string('ä', 5000), Cure = new string('x', 5000) });
        Assert.True(ErrorReply.TryRead(body, out ErrorReply? told));
        Assert.Equal((256, 512), (told.Message.Length, told.Cure.Length));
    }

    [Fact]
    [Trait("Spec", "S-64")]
    public void Ids_that_do_not_ascend_are_refused()
    {
        CellId[] ids = [.. WireCases.Id.Array[3].Example().Order()];
        Assert.True(IdsMessage.TryRead(WireCase.BytesOf(new IdsMessage { Dropped = true, Ids = ids }), out _));
        Assert.False(IdsMessage.TryRead(WireCase.BytesOf(new IdsMessage { Dropped = true, Ids = [ids[0], ids[2], ids[1]] }), out _));
        Assert.False(IdsMessage.TryRead(WireCase.BytesOf(new IdsMessage { Dropped = true, Ids = [ids[0], ids[0]] }), out _));
    }

    [Fact]
    [Trait("Spec", "S-67")]
    public void A_bitmap_with_spare_bits_set_is_refused()
    {
        Assert.True(HaveReply.TryRead([0, 3, 0b1010_0000], out HaveReply? has));
        Assert.Equal([true, false, true], has.Has);
        Assert.False(HaveReply.TryRead([0, 3, 0b1011_0000], out _));
    }

    [Fact]
    [Trait("Spec", "S-67")]
    public void The_key_of_a_lease_is_in_no_field_that_prints()
    {
        byte[] key = [.. Enumerable.Repeat((byte)0xA7, 32)];
        LeaseReply lease = WireCases.Lease.Example();
        byte[] body = new byte[lease.BodyBytes];
        lease.WriteTo(body, key);
        Assert.True(LeaseReply.TryRead(body, out LeaseReply? read));
        Assert.Equal(key, LeaseReply.KeyIn(body).ToArray());
        Assert.DoesNotContain(typeof(LeaseReply).GetProperties(), p => p.Name.Contains("Key", StringComparison.Ordinal));
        Assert.Equal(lease.LeaseId, read.LeaseId);
    }

    [Fact]
    [Trait("Spec", "S-68")]
    public void A_cell_carries_what_was_wanted_and_nothing_else()
    {
        byte[] keyAndCell = new byte[CellReply.BodyBytes(WireCases.CellBytes)];
        keyAndCell[5] = 1;
        Assert.True(CellReply.TryRead(keyAndCell, CellWant.Both, WireCases.CellBytes, out _));
        Assert.False(CellReply.TryRead(keyAndCell, CellWant.Key, WireCases.CellBytes, out _));
        Assert.False(CellReply.TryRead(keyAndCell, CellWant.Cell, WireCases.CellBytes, out _));
        keyAndCell[2] = (byte)CellStatus.Refused;
        Assert.False(CellReply.TryRead(keyAndCell, CellWant.Both, WireCases.CellBytes, out _));
    }
}
