using System.Diagnostics;
using VmPod.Vault.Cells;
using VmPod.Vault.Codecs;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Tests.Pods;
using VmPod.Vault.Tests.Vectors;
using Xunit;

namespace VmPod.Vault.Tests.Fuzz;

/// <summary>
/// Every parser of bytes from outside, with changed inputs out of a small corpus (tests/Vectors/fuzz/v1; SECURITY.md R11): nothing but a refusal, little time,
/// little memory, and what is taken is written again as it was. VMPOD_SOAK=20 gives each a million inputs.
/// </summary>
[Collection(PodsCollection.Name)]
[Trait("Threat", "T-02")]
public sealed class FuzzTests(ITestOutputHelper output)
{
    private const int Inputs = 50_000, Seed = 20261123, TriesOfSlow = 40;
    private const long AllocatedMax = 1 << 20;
    private static readonly TimeSpan TimeMax = TimeSpan.FromMilliseconds(10);

    public static TheoryData<string> Targets() => [.. FuzzTarget.All.Select(t => t.Name)];

    [Theory]
    [MemberData(nameof(Targets))]
    [Trait("Spec", "V-12")]
    [Trait("Spec", "V-22")]
    [Trait("Spec", "V-51")]
    [Trait("Spec", "V-53")]
    public void A_changed_input_is_refused_or_taken_as_it_is_in_little_time_and_memory(string name)
    {
        FuzzTarget target = FuzzTarget.Of(name);
        IReadOnlyList<byte[]> corpus = Corpus(name);
        Assert.All(corpus, seed => Assert.True(target.Parse(seed) is { } again && again.AsSpan().SequenceEqual(seed), "a seed of the corpus is not taken"));
        var mutator = new Mutator(corpus, Seed);
        int inputs = Inputs * Soak.Rounds, taken = 0;
        TimeSpan slowest = default;
        for (int i = 0; i < inputs; i++)
        {
            byte[] input = mutator.Next();
            try
            {
                long allocated = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
                byte[]? again = target.Parse(input);
                TimeSpan time = Stopwatch.GetElapsedTime(start);
                allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
                Assert.True(allocated <= AllocatedMax, $"{allocated} bytes allocated");
                if (again is not null)
                {
                    taken++;
                    Assert.True(again.AsSpan().SequenceEqual(input), "it was taken, and is written in another way");
                }
                // Once may be the machine, and on a busy one twice or more; forty times are the input.
                for (int tries = 1; time > TimeMax && tries < TriesOfSlow; tries++)
                {
                    start = Stopwatch.GetTimestamp();
                    _ = target.Parse(input);
                    time = Stopwatch.GetElapsedTime(start);
                }
                Assert.True(time <= TimeMax, $"{time.TotalMilliseconds} ms");
                slowest = time > slowest ? time : slowest;
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"{name}, input {i}: {Convert.ToHexStringLower(input.AsSpan(0, Math.Min(input.Length, 4000)))}", e);
            }
        }
        output.WriteLine($"{name}: {inputs} inputs from {corpus.Count} seeds, {taken} taken, {inputs - taken} refused");
        Assert.True(taken < inputs);
    }

    /// <summary>Makes the corpus anew out of a small vault; run by hand when a format grows.</summary>
    [Fact(Explicit = true)]
    public void Writes_the_corpus()
    {
        using var pod = new TestPod(16 * 1024);
        byte[] disk = [.. Data.Text(1, 300_000), .. Data.Random(2, 100_000)], memory = [.. disk.AsSpan(0, 90_112), .. Data.Random(3, 32_768)];
        for (int generation = 0; generation < 3; generation++)
        {
            pod.Write("disk.img", [.. disk, .. new byte[9 << 20]]);
            pod.Write("memory.vmem", [.. memory, .. new byte[9 << 20]]);
            pod.Write("notes", Data.Text(generation, 500));
            pod.Put();
            disk[5000 + generation] ^= 1;
            memory[100_000 + generation] ^= 1;
        }
        var seeds = FuzzTarget.All.ToDictionary(t => t.Name, _ => new List<byte[]>());
        foreach (LogEntryHeader header in pod.Vault.Store.EnumerateLog(0))
        {
            byte[] payload = pod.Vault.Store.ReadEntry(header.Offset).Payload.ToArray();
            string? name = header.Type switch
            {
                LogEntryTypes.Head => "head",
                LogEntryTypes.Session => "session",
                LogEntryTypes.Epoch => "epoch",
                LogEntryTypes.Lease => "lease",
                LogEntryTypes.Commit => "commit",
                _ => null,
            };
            if (name is not null)
                seeds[name].Add(payload);
        }
        byte[] slots = File.ReadAllBytes(Path.Combine(pod.Folder, "v1/slots.bin"));
        seeds["slot"].AddRange([slots[..4096], slots[4096..]]);
        seeds["descriptor"].Add(File.ReadAllBytes(Path.Combine(pod.Folder, "vault.json")));
        seeds["verdict"].Add(new byte[VerdictBytes]);
        seeds["verdict"][0][56] = 2;
        SessionHandle session = pod.Vault.FindSession(TestPod.Session).Handle;
        using SessionKeys keys = pod.Vault.OpenKeys(session);
        byte[] cell = new byte[16 * 1024], work = new byte[CellLayout.HeaderBytes + CellLayout.Capacity(cell.Length)];
        foreach (GenerationInfo info in pod.Vault.ListGenerations(session))
        {
            using SessionReader reader = pod.Vault.OpenSession(TestPod.Session, info.Record.Generation);
            seeds["manifest"].Add(reader.State.Manifest.ToBytes());
            seeds["map-leaf"].AddRange(reader.State.Manifest.Map.Select(r => r.Inline.ToArray()).Where(l => l.Length > 0));
            seeds["tag-leaf"].AddRange(reader.State.Manifest.Tags.Select(r => r.Inline.ToArray()).Where(l => l.Length > 0));
            foreach (CellId id in pod.Vault.LiveSetOf(info.Offset, info.Hash).Enumerate())
            {
                Assert.True(pod.Vault.Store.TryRead(id, cell) && CellHeader.TryRead(cell, out CellHeader header)
                    && CellCipher.TryOpen(keys.Find(header.KeyId)!, cell, work));
                Assert.True(CellContent.TryParse(work.AsSpan(CellLayout.HeaderBytes), out CellContent content));
                for (int i = 0; i < content.Count; i++)
                {
                    PayloadEntry entry = content.Entry(i);
                    if (entry.Codec is Codec.PageRef or Codec.Patch && entry is { Part: 0, More: false })
                        seeds["pages"].Add([(byte)(entry.Codec == Codec.PageRef ? 0 : 1), .. content.Bytes(entry)]);
                }
            }
        }
        seeds["content"].AddRange(Attacks.CellBenchSeeds.Contents());
        seeds["cell"].Add([.. "VPR1"u8, 2, 0, 0, 4, .. new byte[16 * 1024 - 8]]);
        // Those of layouts and deltas are by hand.
        foreach ((string name, List<byte[]> list) in seeds.Where(s => s.Value.Count > 0))
        {
            FuzzTarget target = FuzzTarget.Of(name);
            IEnumerable<byte[]> small = list.Where(s => s.Length <= 4096 || name is "cell")
                .Where(s => target.Parse(s) is { } again && again.AsSpan().SequenceEqual(s)).OrderBy(s => s.Length).Take(6);
            File.WriteAllLines(PathOf(name), small.Select(VectorText));
        }
    }

    private const int VerdictBytes = 16 + 8 + 32 + 1 + 8 + 64;

    private static string PathOf(string name) => Path.Combine(VectorFile.Root, "tests/Vectors/fuzz/v1", name + ".txt");

    private static IReadOnlyList<byte[]> Corpus(string name) => [.. File.ReadAllLines(PathOf(name)).Where(l => l.Length > 0).Select(Bytes)];

    // Runs of zeros as 00*n, as in the other vectors.
    private static string VectorText(byte[] bytes)
    {
        var text = new System.Text.StringBuilder();
        for (int i = 0; i < bytes.Length;)
        {
            int zeros = bytes.AsSpan(i).IndexOfAnyExcept((byte)0);
            zeros = zeros < 0 ? bytes.Length - i : zeros;
            if (zeros > 8)
            {
                text.Append(System.Globalization.CultureInfo.InvariantCulture, $" 00*{zeros} ");
                i += zeros;
                continue;
            }
            text.Append(bytes[i++].ToString("x2", System.Globalization.CultureInfo.InvariantCulture));
        }
        return text.ToString().Trim();
    }

    private static byte[] Bytes(string text) => [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).SelectMany(part =>
        part.StartsWith("00*", StringComparison.Ordinal) ? new byte[int.Parse(part.AsSpan(3), System.Globalization.CultureInfo.InvariantCulture)]
            : Convert.FromHexString(part))];
}
