using VmPod.Vault.Format;
using VmPod.Vault.Tests.Pods;
using Xunit;

namespace VmPod.Vault.Tests.Format;

/// <summary>The notes are written in one way, and a reader takes no other.</summary>
public sealed class SessionNotesTests
{
    [Fact]
    [Trait("Spec", "V-152")]
    public void A_list_comes_back_in_its_order()
    {
        var random = new Random(1);
        for (int round = 0; round < 200; round++)
        {
            var pages = new List<StreamPage>();
            for (int i = 0; i < random.Next(60); i++)
            {
                var at = new StreamPage((uint)random.Next(1, 4), (ulong)random.Next(1000));
                for (int k = 0; k < random.Next(1, 20); k++)
                    pages.Add(at with { Page = at.Page + (ulong)k });
            }
            pages = [.. pages.Distinct()];
            SessionNotes read = SessionNotes.TryRead(new SessionNotes(77, pages).ToBytes())!;
            Assert.Equal(77UL, read.Seed);
            Assert.Equal(pages, read.FirstUse);
        }
    }

    [Fact]
    [Trait("Spec", "V-152")]
    public void The_longest_list_fits_one_chunk()
    {
        StreamPage[] scattered = [.. Enumerable.Range(0, SessionNotes.PagesMax).Select(i => new StreamPage(uint.MaxValue >> 1, (ulong)i % 2 << 31 | (uint)i))];
        byte[] bytes = new SessionNotes(ulong.MaxValue, scattered).ToBytes();
        Assert.InRange(bytes.Length, 1, FormatLimits.ChunkBytes);
        Assert.Equal(scattered, SessionNotes.TryRead(bytes)!.FirstUse);
    }

    [Theory]
    [Trait("Spec", "V-152")]
    [InlineData("")]                        // no version
    [InlineData("02 0102030405060708")]     // another one
    [InlineData("01 01020304050607")]       // no seed
    [InlineData("01 0102030405060708 01")]                   // cut off
    [InlineData("01 0102030405060708 01 00 00")]             // a run of nothing
    [InlineData("01 0102030405060708 01 01 01")]             // before the first page
    [InlineData("01 0102030405060708 01 00 02 01 00 01")]    // a run that goes on
    [InlineData("01 0102030405060708 01 00 02 01 03 01")]    // a page twice
    [InlineData("01 0102030405060708 01 00 8020 01 02 01")]  // 4,096 pages and one more
    [InlineData("01 0102030405060708 01 8000 01")]           // a number in a longer form
    [InlineData("01 0102030405060708 8080808008 00 01")]     // a stream that is no manifest's
    public void Another_form_is_refused(string hex)
    {
        Assert.Null(SessionNotes.TryRead(Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal))));
    }

    [Fact]
    [Trait("Spec", "V-152")]
    public void Whatever_reads_is_what_would_be_written()
    {
        for (int seed = 0; seed < 20_000; seed++)
        {
            byte[] bytes = Data.Random(seed, 9 + seed % 24);
            bytes[0] = 1;
            for (int i = 9; i < bytes.Length; i++)
                bytes[i] &= 0x8F;
            if (SessionNotes.TryRead(bytes) is { } notes)
                Assert.Equal(bytes, notes.ToBytes());
        }
    }
}
