using System.Globalization;
using VmPod.Foundation;
using VmPod.Sync.Difference;
using VmPod.Sync.Tests.Vectors;
using Xunit;

namespace VmPod.Sync.Tests.Difference;

/// <summary>Known conversations of tests/Vectors/difference/v1, which a script that shares no code with VmPod wrote from sync/SPEC.md.</summary>
public sealed class DifferenceVectorTests
{
    // Updated with the folder: a file that is lost or not read must not pass unseen.
    private const int Talks = 10, Askers = 18, Answerers = 14;

    [Fact]
    [Trait("Spec", "S-120")]
    [Trait("Spec", "S-121")]
    [Trait("Spec", "S-122")]
    [Trait("Spec", "S-123")]
    [Trait("Spec", "S-124")]
    [Trait("Spec", "S-125")]
    [Trait("Spec", "S-126")]
    public void Every_conversation_is_held_as_it_is_written_and_what_must_be_refused_is_refused_at_its_last_message()
    {
        VectorFile[] vectors = VectorFile.All("difference/v1");
        int Count(string layer) => vectors.Count(v => v.Layer == layer);
        Assert.Equal((Talks, Askers, Answerers, vectors.Length), (Count("talk"), Count("asker"), Count("answerer"), Talks + Askers + Answerers));
        Assert.All(vectors, v =>
        {
            Action<VectorFile> check = v.Layer switch
            {
                "talk" => Talk,
                "asker" => Asker,
                "answerer" => Answerer,
                string other => throw new InvalidDataException($"{v.Name} has layer {other}"),
            };
            check(v);
        });
    }

    private static DifferenceAsker AskerOf(VectorFile v) => new(IdSets.Parse(v.Text("here")), v.Bytes("salt"), SyncLimits.ListedIdsMax);

    private static string Key(char letter, long number) => string.Create(CultureInfo.InvariantCulture, $"{letter}{number}");

    private static void Talk(VectorFile v)
    {
        DifferenceAsker asker = AskerOf(v);
        var answerer = new DifferenceAnswerer(IdSets.Parse(v.Text("there")));
        long asked = 0, answered = 0;
        while (!asker.IsDone)
        {
            while (asker.TryNextQuestion(out ReadOnlyMemory<byte> question))
            {
                Assert.Equal(v.Bytes(Key('q', asked)), question.ToArray());
                Assert.Equal(v.Bytes(Key('a', asked)), answerer.Answer(question.Span).ToArray());
                asked++;
            }
            while (answered < asked)
                asker.Take(v.Bytes(Key('a', answered++)));
        }
        Assert.Equal((v.Number("rounds"), v.Number("only-here"), v.Number("only-there")), (asked, asker.OnlyHere.Count, asker.OnlyThere.Count));
    }

    private static void Asker(VectorFile v)
    {
        DifferenceAsker asker = AskerOf(v);
        MustRefuse(v, 'a', answer =>
        {
            while (asker.TryNextQuestion(out _))
            {
            }
            asker.Take(answer);
        });
    }

    private static void Answerer(VectorFile v)
    {
        var answerer = new DifferenceAnswerer(IdSets.Parse(v.Text("there")));
        MustRefuse(v, 'q', question => answerer.Answer(question));
    }

    private static void MustRefuse(VectorFile v, char letter, Action<byte[]> give)
    {
        long rounds = v.Number("rounds");
        for (long i = 0; i < rounds - 1; i++)
            give(v.Bytes(Key(letter, i)));
        VmPodException refused = Assert.Throws<VmPodException>(() => give(v.Bytes(Key(letter, rounds - 1))));
        Assert.True((ExitCode)v.Number("exit") == refused.ExitCode, $"{v.Name}: {refused.ExitCode}, {refused.Message}");
    }
}
