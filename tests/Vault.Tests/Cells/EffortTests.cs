using VmPod.Vault.Codecs;
using VmPod.Vault.Format;

namespace VmPod.Vault.Tests.Cells;

/// <summary>How hard zstd tries: as hard as there is time for.</summary>
public sealed class EffortTests
{
    private static void Note(EffortControl control, int windows, double worked, double waited)
    {
        for (int i = 0; i < windows * 4; i++)
            control.Note(TimeSpan.FromSeconds(worked), TimeSpan.FromSeconds(waited));
    }

    [Fact]
    [Trait("Spec", "H-155")]
    public void Where_the_link_is_slow_it_tries_harder_step_by_step_and_less_hard_where_the_CPU_is()
    {
        var control = new EffortControl(Effort.Fast, adapts: true);
        Note(control, 5, 1, 0.1);
        Assert.Equal(Effort.Fast, control.Now);
        Note(control, 1, 1, 20);
        Assert.Equal(Effort.Thorough, control.Now);
        Note(control, 1, 1, 20);
        Assert.Equal(Effort.Patient, control.Now);
        // What one step more would cost is more than the time there is: 1 of 3 seconds, times 4.7.
        Note(control, 5, 1, 2);
        Assert.Equal(Effort.Patient, control.Now);
        Note(control, 1, 1, 20);
        Assert.Equal(Effort.Exhaustive, control.Now);
        Note(control, 2, 1, 20);
        Assert.Equal(Effort.Exhaustive, control.Now);
        Note(control, 1, 1, 0.01);
        Assert.Equal(Effort.Patient, control.Now);
        Note(control, 9, 1, 0.01);
        Assert.Equal(Effort.Fast, control.Now);
    }

    [Fact]
    [Trait("Spec", "H-155")]
    public void A_store_that_is_near_is_never_tried_harder_for()
    {
        var control = new EffortControl(Effort.Thorough, adapts: false);
        Note(control, 9, 1, 100);
        Assert.Equal(Effort.Thorough, control.Now);
    }

    [Fact]
    public void Each_effort_gives_back_what_went_in_also_when_it_changes_between_frames_and_harder_ones_are_shorter()
    {
        // Words that come again at odd distances: what a longer search finds.
        var random = new Random(5);
        byte[][] words = [.. Enumerable.Range(0, 300).Select(_ => { byte[] w = new byte[random.Next(4, 24)]; random.NextBytes(w); return w; })];
        byte[] plain = new byte[4 * FormatLimits.ChunkBytes];
        for (int at = 0; at < plain.Length;)
        {
            byte[] word = words[random.Next(words.Length)];
            word.AsSpan(0, Math.Min(word.Length, plain.Length - at)).CopyTo(plain.AsSpan(at));
            at += word.Length;
        }
        byte[] into = new byte[ChunkEncoder.OutputBytesOf(plain.Length)], back = new byte[plain.Length];
        using var encoder = new ChunkEncoder(Effort.Fast);
        using var decoder = new ZstdSharp.Decompressor();
        var lengths = new Dictionary<Effort, int>();
        foreach (Effort effort in (Effort[])[.. Enum.GetValues<Effort>(), .. Enum.GetValues<Effort>().Reverse()])
        {
            encoder.Effort = effort;
            int length = encoder.Deflate(plain, default, into);
            Assert.Equal(plain.Length, decoder.Unwrap(into.AsSpan(0, length), back));
            Assert.Equal(plain, back);
            Assert.True(!lengths.TryGetValue(effort, out int before) || before == length);
            lengths[effort] = length;
        }
        Assert.True(lengths[Effort.Exhaustive] < lengths[Effort.Patient] && lengths[Effort.Patient] < lengths[Effort.Fast], string.Join(", ", lengths));
    }
}
