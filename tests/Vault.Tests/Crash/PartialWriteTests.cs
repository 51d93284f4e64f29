using VmPod.Vault.Tests.Pods;
using Xunit;

namespace VmPod.Vault.Tests.Crash;

/// <summary>
/// Writes that the kernel does in part (SECURITY.md R6), and a disk that says it wrote and did not. A sample in each run; all with VMPOD_SOAK=200. Those of
/// the log, the slots and the other files are cut in <see cref="Cells.ShortWriteTests"/>, each of them.
/// </summary>
/// <remarks>
/// A short write is made by a bound on the size of files: the write that goes across it is done up to there, and says so; the next one fails (EFBIG). strace
/// can only answer in the kernel's place: "N bytes written" of which none is. That is no short write but a disk that lies, and no program that does not read
/// all of it back can know. So of that it is shown that nothing reads as what it was not, and that a check finds what is missing.
/// </remarks>
[Collection(PodsCollection.Name)]
[Trait("Threat", "T-20")]
public sealed class PartialWriteTests(ITestOutputHelper output)
{
    private const int PageBytes = 4096;
    private const string Segment = "v1/segments/000000.seg";

    [Theory]
    [InlineData(FaultWork.Writing, 67)]
    [InlineData(FaultWork.House, 197)]
    [Trait("Spec", "V-61")]
    [Trait("Spec", "V-62")]
    public void A_write_that_is_done_in_part_is_not_acknowledged_and_what_was_is_there(string mode, int sample)
    {
        using var bench = new FaultBench(mode);
        _ = bench.Count();
        long from = bench.Length(Segment) + 1000, to = bench.LengthAfter(Segment);
        int tried = 0, cut = 0, failed = 0;
        for (long limit = from; limit < to; limit += PageBytes * Soak.Step(sample))
        {
            (int code, string[] said) = bench.Run(null, limit);
            Assert.True(code is FaultWork.Done or FaultWork.Refused, $"files of {limit} bytes: ended with {code}: {string.Join(", ", said)}");
            tried++;
            cut += bench.ShortWrites() > 0 ? 1 : 0;
            failed += code == FaultWork.Refused ? 1 : 0;
            bench.Check($"files of {limit} bytes", said);
        }
        output.WriteLine($"{mode}: {tried} places, {cut} with a write that the kernel did in part, {failed} failed the work, 0 losses");
        Assert.True(cut > 0 && failed > 0, $"{tried} places, {cut} cut, {failed} failed");
    }

    [Theory]
    [InlineData(1, 31)]
    [InlineData(4096, 37)]
    [InlineData(1 << 20, 41)]
    [Trait("Spec", "V-71")]
    public void What_a_disk_says_it_wrote_and_did_not_is_found_by_a_check_and_never_read_as_something_else(int claimed, int sample)
    {
        using var bench = new FaultBench(FaultWork.Writing);
        int points = 0, tried = 0, missed = 0, step = Soak.Step(sample);
        int writes = bench.Count().Single(c => c.Call == "pwrite64").Count;
        int[] lengths = [.. Enumerable.Range(1, writes).Select(bench.WriteLength)];
        for (int when = 1; when <= writes; when++)
        {
            if (points++ % step != 0)
                continue;
            tried++;
            // A kernel never says more than it was asked for: what is claimed is bounded by the write.
            (_, string[] said) = bench.Run($"inject=pwrite64:retval={Math.Min(claimed, lengths[when - 1])}:when={when}");
            missed += bench.IsMissed($"{claimed} bytes of write {when} claimed", said) ? 1 : 0;
        }
        output.WriteLine($"{tried} of {points} writes, {claimed} bytes claimed: {missed} times something acknowledged was missing, and it was said each time");
    }
}
