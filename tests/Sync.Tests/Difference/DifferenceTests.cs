using CsCheck;
using VmPod.Foundation;
using VmPod.Sync.Difference;
using VmPod.Vault.Format;
using Xunit;

namespace VmPod.Sync.Tests.Difference;

/// <summary>The difference of two sets of ids, and answers that lie about one.</summary>
public sealed class DifferenceTests(ITestOutputHelper output)
{
    // Numbers that both sides often share, and prefixes that somebody ground: all depths are reached.
    private static readonly byte[][] Prefixes = [[], [0xaa], [0xaa, 0xbb, 0xcc], [1, 2, 3, 4, 5, 6, 7, 8]];

    private static readonly Gen<CellId[]> Ids = Gen.Select(Gen.Int[0, 400].Array[0, 300], Gen.Int[0, 30].Select(Gen.Int[1, 3]).Array[0, 60])
        .Select(static (plain, ground) => plain.Select(n => IdSets.Id(n)).Concat(ground.Select(g => IdSets.Id(g.Item1, Prefixes[g.Item2]))).ToArray());

    [Fact]
    [Trait("Spec", "S-120")]
    [Trait("Spec", "S-121")]
    [Trait("Spec", "S-122")]
    [Trait("Spec", "S-123")]
    [Trait("Spec", "S-124")]
    [Trait("Spec", "S-127")]
    public void Whatever_two_sides_have_each_finds_what_only_one_of_them_has() =>
        Gen.Select(Ids, Ids, Gen.Int[0, 4]).Sample((one, two, how) =>
        {
            // Alike, nearly alike, or not at all.
            CellId[] here = how == 0 ? two : how < 3 ? [.. two, .. one.Take(how)] : one, there = how == 4 ? [.. two.Skip(two.Length / 2)] : two;
            var asker = new DifferenceAsker(new IdArray(here));
            IdSets.Talk(asker, new DifferenceAnswerer(new IdArray(there)));
            Assert.Equal(there.Except(here).Distinct().Order(), asker.OnlyThere);
            Assert.Equal(here.Except(there).Distinct().Order(), asker.OnlyHere);
            Assert.Equal(there.Distinct().Count(), asker.CountThere);
        }, iter: 600);

    [Fact]
    [Trait("Spec", "S-128")]
    public void Of_a_million_cells_of_which_a_hundred_are_missing_at_most_200_KiB_are_told()
    {
        const int Cells = 1_000_000, Missing = 100;
        CellId[] all = [.. Enumerable.Range(0, Cells + 40).Select(n => IdSets.Id(n))];
        var there = new IdArray(all.Take(Cells));
        var here = new IdArray(all.Skip(Missing));
        var asker = new DifferenceAsker(here);
        (long bytes, int waits) = IdSets.Talk(asker, new DifferenceAnswerer(there));
        output.WriteLine($"{bytes} bytes both ways, {waits} waits");
        Assert.Equal(all.Take(Missing).Order(), asker.OnlyThere);
        Assert.Equal(all.Skip(Cells).Order(), asker.OnlyHere);
        Assert.InRange(bytes, 1, 200 * 1024);
        Assert.InRange(waits, 1, 8);
    }

    [Fact]
    [Trait("Spec", "S-125")]
    public void An_answer_that_was_changed_in_one_bit_is_refused_or_says_another_set_from_the_first_answer_on()
    {
        IdArray here = IdSets.Parse("h:100:1200"), there = IdSets.Parse("h:0:1000 g:aabbccdd:0:50");
        var lengths = new List<int>();
        IdSets.Talk(new DifferenceAsker(here), new DifferenceAnswerer(there), (_, answer) =>
        {
            lengths.Add(answer.Length);
            return answer;
        });
        var random = new Random(7);
        int refused = 0, first = 0;
        for (int i = 0; i < 600; i++)
        {
            int which = random.Next(lengths.Count), bit = random.Next(lengths[which] * 8);
            try
            {
                IdSets.Talk(new DifferenceAsker(here), new DifferenceAnswerer(there), (n, answer) =>
                {
                    if (n == which)
                        answer[bit / 8] ^= (byte)(1 << bit % 8);
                    return answer;
                });
                // Only how many there are, in the first answer, is nobody's to check: nothing that was told changes with it.
                Assert.True(which == 0 && bit < 64, $"answer {which}, bit {bit}");
                first++;
            }
            catch (VmPodException e)
            {
                Assert.True(e.ExitCode == ExitCode.Damaged || (e.ExitCode == ExitCode.NoSpace && which == 0), e.Message);
                refused++;
            }
        }
        Assert.True(refused > 400, $"{refused} refused, {first} counts");
    }

    [Fact]
    [Trait("Spec", "S-126")]
    public void A_set_without_end_is_refused_after_as_many_nodes_as_the_ids_that_it_says_to_have()
    {
        // The attack: a peer that makes up the nodes below as it is asked. Without its hashes checked it would be asked 16 times as much at each depth;
        // with them it must know what it will say, so what is left to it is a set that is larger than it said.
        int Asked(ulong says)
        {
            IdArray there = IdSets.Parse("h:0:20000");
            var answerer = new DifferenceAnswerer(there);
            var asker = new DifferenceAsker(new IdArray([]));
            int answers = 0;
            VmPodException refused = Assert.Throws<VmPodException>(() => IdSets.Talk(asker, answerer, (n, answer) =>
            {
                answers = n + 1;
                if (n == 0)
                    System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(answer, says);
                return answer;
            }));
            Assert.Equal(ExitCode.Damaged, refused.ExitCode);
            return answers;
        }
        var honest = new DifferenceAsker(new IdArray([]));
        int all = 0;
        IdSets.Talk(honest, new DifferenceAnswerer(IdSets.Parse("h:0:20000")), (n, answer) =>
        {
            all = n + 1;
            return answer;
        });
        int few = Asked(1000), half = Asked(10_000);
        output.WriteLine($"{all} answers for 20,000 ids; {half} and {few} taken where 10,000 and 1,000 were said");
        Assert.True(few < half && half < all && few <= all / 10, $"{few}, {half}, {all}");
    }

    [Fact]
    [Trait("Spec", "S-125")]
    public void A_peer_that_makes_nodes_up_as_it_is_asked_is_stopped_at_the_first_one()
    {
        // Sixteen children that it says are there, each time: asked on and on if nobody compared them with what was announced.
        byte[] MadeUp(int nodes, bool isRoot) => [.. isRoot ? new byte[] { 0, 0, 0, 0, 0x3d, 0, 0, 0 } : [],
            .. Enumerable.Range(0, nodes).SelectMany(_ => (byte[])[1, .. Enumerable.Range(0, 256).Select(i => (byte)(1 + i % 16))])];
        var asker = new DifferenceAsker(new IdArray([]));
        Assert.True(asker.TryNextQuestion(out _));
        asker.Take(MadeUp(1, isRoot: true));
        Assert.True(asker.TryNextQuestion(out ReadOnlyMemory<byte> next));
        Assert.Equal(16, next.Span[2]);
        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => asker.Take(MadeUp(16, isRoot: false))).ExitCode);
    }

    [Fact]
    [Trait("Spec", "S-120")]
    public void Each_conversation_has_a_salt_of_its_own_so_that_equal_sets_tell_other_hashes()
    {
        IdArray ids = IdSets.Parse("h:0:100");
        byte[] Root()
        {
            Assert.True(new DifferenceAsker(ids).TryNextQuestion(out ReadOnlyMemory<byte> question));
            return new DifferenceAnswerer(ids).Answer(question.Span).ToArray();
        }
        Assert.NotEqual(Root(), Root());
    }
}
