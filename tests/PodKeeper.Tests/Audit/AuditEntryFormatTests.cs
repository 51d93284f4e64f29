using System.Text;
using VmPod.Audit;
using Xunit;

namespace VmPod.PodKeeper.Tests.Audit;

public sealed class AuditEntryFormatTests
{
    private static readonly string Zeros = new('0', 64);

    private static string Good =>
        """{"seq":1,"timeMs":2,"event":"commit","actor":"local","session":"5eed5eed5eed5eed","outcome":"ok","detail":{"a":1,"b":"x y"},"""
        + $"\"prev\":\"{Zeros}\"}}";

    private static AuditEntry? Decode(string text) => AuditEntryFormat.Decode(Encoding.UTF8.GetBytes(text), out _);

    [Fact]
    [Trait("Spec", "P-03")]
    public void An_entry_has_one_spelling_which_is_read_back_as_written()
    {
        AuditEntry entry = Assert.IsType<AuditEntry>(Decode(Good));
        Assert.Equal((1, 2, "commit", "local", "5eed5eed5eed5eed", AuditOutcome.Ok),
            (entry.Seq, entry.TimeMs, entry.Event, entry.Actor, entry.Session, entry.Outcome));
        Assert.Equal([("a", 1), ("b", "x y")], entry.Detail.Select(d => (d.Key, d.Value)));
        Assert.Equal(Good, Encoding.UTF8.GetString(AuditEntryFormat.Encode(entry)));
    }

    [Theory]
    [Trait("Spec", "P-03")]
    [InlineData("{\"seq\"", "{ \"seq\"")]
    [InlineData("}", "} ")]
    [InlineData("\"timeMs\":2,", "")]
    [InlineData("\"seq\":1,\"timeMs\":2", "\"timeMs\":2,\"seq\":1")]
    [InlineData("\"seq\":1", "\"seq\":1,\"seq\":1")]
    [InlineData("\"prev\"", "\"extra\":1,\"prev\"")]
    [InlineData("commit", "c\\u006fmmit")]
    [InlineData("{\"a\":1,\"b\":\"x y\"}", "{}")]
    [InlineData("\"a\":1,\"b\":\"x y\"", "\"b\":\"x y\",\"a\":1")]
    [InlineData("\"a\":1", "\"a\":1,\"a\":1")]
    [InlineData("\"a\":1", "\"a\":[1]")]
    [InlineData("\"a\":1", "\"a\":{\"b\":1}")]
    [InlineData("\"a\":1", "\"a\":null")]
    [InlineData("\"a\":1", "\"a\":true")]
    [Trait("Spec", "P-04")]
    [InlineData("\"seq\":1", "\"seq\":01")]
    [InlineData("\"seq\":1", "\"seq\":1.0")]
    [InlineData("\"seq\":1", "\"seq\":1e0")]
    [InlineData("\"seq\":1", "\"seq\":-1")]
    [InlineData("\"seq\":1", "\"seq\":\"1\"")]
    [InlineData("\"seq\":1", "\"seq\":9007199254740992")]
    [InlineData("\"seq\":1", "\"seq\":99999999999999999999")]
    [InlineData("\"timeMs\":2", "\"timeMs\":253402300800000")]
    [Trait("Spec", "P-05")]
    [InlineData("commit", "Commit")]
    [InlineData("commit", "")]
    [InlineData("commit", "a23456789012345678901234567890123")]
    [Trait("Spec", "P-06")]
    [InlineData("local", "alice")]
    [InlineData("local", "5EED5EED5EED5EED")]
    [InlineData("5eed5eed5eed5eed", "5eed5eed5eed5ee")]
    [InlineData("5eed5eed5eed5eed", "5eed5eed5eed5")]
    [InlineData("\"session\":\"5eed5eed5eed5eed\"", "\"session\":null")]
    [Trait("Spec", "P-07")]
    [InlineData("\"ok\"", "\"maybe\"")]
    [InlineData("\"ok\"", "\"0\"")]
    [Trait("Spec", "P-08")]
    [InlineData("x y", "größe")]
    [InlineData("x y", "x\\ny")]
    [InlineData("x y", "x\\\"y")]
    [InlineData("\"a\":1", "\"A\":1")]
    [InlineData("\"a\":1", "\"a\":-1")]
    [Trait("Spec", "P-10")]
    [InlineData("\"prev\":\"00", "\"prev\":\"0")]
    [InlineData("\"prev\":\"00", "\"prev\":\"0G")]
    [InlineData("{", "[")]
    [InlineData("{\"seq", "\u0000{\"seq")]
    public void Every_other_spelling_and_every_value_out_of_bounds_is_refused(string part, string instead)
    {
        int at = Good.IndexOf(part, StringComparison.Ordinal);
        string changed = part == "}" ? Good + " " : Good[..at] + instead + Good[(at + part.Length)..];
        Assert.NotEqual(Good, changed);
        Assert.Null(Decode(changed));
    }

    [Fact]
    [Trait("Spec", "P-08")]
    public void Details_up_to_their_bounds_fit_an_entry_and_one_more_does_not()
    {
        AuditEntry Entry(int count, int length) => new(AuditLimits.NumberMax, 0, "commit", new string('a', 64), new string('b', 64),
            AuditOutcome.Refused,
            Enumerable.Range(0, count).ToDictionary(i => $"n{i:00}" + new string('x', 29),
                _ => (AuditValue)new string('v', length)), Zeros);
        byte[] largest = AuditEntryFormat.Encode(Entry(16, 128));
        Assert.InRange(largest.Length, 2500, AuditLimits.EntryBytesMax);
        Assert.NotNull(AuditEntryFormat.Decode(largest, out _));
        Assert.Throws<ArgumentException>(() => AuditEntryFormat.Encode(Entry(17, 1)));
        Assert.Throws<ArgumentException>(() => AuditEntryFormat.Encode(Entry(1, 129)));
    }

    [Fact]
    public void No_byte_string_makes_the_reader_throw()
    {
        byte[] good = Encoding.UTF8.GetBytes(Good);
        var random = new Random(20260101);
        int refused = 0;
        for (int i = 0; i < 100_000; i++)
        {
            byte[] changed = [.. good];
            for (int n = random.Next(1, 6); n > 0; n--)
                changed[random.Next(changed.Length)] = (byte)random.Next(256);
            AuditEntry? entry = AuditEntryFormat.Decode(
                changed.AsSpan(0, random.Next(10) == 0 ? random.Next(changed.Length) : changed.Length), out _);
            if (entry is null)
                refused++;
            else
                Assert.Equal(changed, AuditEntryFormat.Encode(entry));
        }
        Assert.InRange(refused, 50_000, 99_999);
    }
}
