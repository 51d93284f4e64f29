using System.Globalization;
using System.Text.RegularExpressions;
using VmPod.Benchmarks.Peers;
using VmPod.Benchmarks.Report;
using VmPod.Sync.Rsync.Deltas;
using VmPod.Sync.Rsync.Signatures;
using VmPod.Testing;

namespace VmPod.Benchmarks.Rsync;

/// <summary>One case, sent in both ways: by signature and delta, and by rsync.</summary>
internal sealed partial class RsyncRun
{
    private readonly TempFolder folder;
    private readonly RsyncCase data;

    public RsyncRun(TempFolder folder, RsyncCase data)
    {
        (this.folder, this.data) = (folder, data);
        File.WriteAllBytes(folder["basis"], data.Basis);
        File.WriteAllBytes(folder["new"], data.Source);
    }

    /// <summary>Bytes of the signature.</summary>
    public long SignatureBytes { get; private set; }

    /// <summary>Bytes of the delta.</summary>
    public long DeltaBytes { get; private set; }

    /// <summary>What rsync says to have sent and received.</summary>
    public long RsyncBytes { get; private set; }

    /// <summary>Signing the old file.</summary>
    public Timing Sign { get; private set; }

    /// <summary>Comparing the new file.</summary>
    public Timing Compare { get; private set; }

    /// <summary>Making the new file.</summary>
    public Timing Apply { get; private set; }

    /// <summary>All that rsync's processes did.</summary>
    public Timing Rsync { get; private set; }

    /// <summary>Runs it; times are medians.</summary>
    public RsyncRun Measure(int rounds)
    {
        var times = new List<(Timing Sign, Timing Compare, Timing Apply, Timing Rsync)>();
        for (int round = 0; round < rounds; round++)
        {
            times.Add((Timing.Of(SignOnce), Timing.Of(CompareOnce), Timing.Of(ApplyOnce), RsyncOnce()));
            MustBeSource("made");
            MustBeSource("there");
        }
        (Sign, Compare) = (Timing.Median(times.Select(t => t.Sign)), Timing.Median(times.Select(t => t.Compare)));
        (Apply, Rsync) = (Timing.Median(times.Select(t => t.Apply)), Timing.Median(times.Select(t => t.Rsync)));
        (SignatureBytes, DeltaBytes) = (new FileInfo(folder["signature"]).Length, new FileInfo(folder["delta"]).Length);
        return this;
    }

    private void SignOnce()
    {
        using FileStream basis = File.OpenRead(folder["basis"]), signature = File.Create(folder["signature"]);
        SignatureWriter.Write(SignatureBuilder.Build(basis, data.Options), signature);
    }

    private void CompareOnce()
    {
        using FileStream signature = File.OpenRead(folder["signature"]), source = File.OpenRead(folder["new"]), delta = File.Create(folder["delta"]);
        _ = DeltaBuilder.Build(SignatureReader.Read(signature, data.Basis.Length), source, delta, data.Search);
    }

    private void ApplyOnce()
    {
        using FileStream basis = File.OpenRead(folder["basis"]), delta = File.OpenRead(folder["delta"]), made = File.Create(folder["made"]);
        _ = DeltaApplier.Apply(basis, delta, made, data.Source.Length);
    }

    private Timing RsyncOnce()
    {
        File.Copy(folder["basis"], folder["there"], overwrite: true);
        string said = "";
        Timing time = Timing.Of(() => said = Command.Run("rsync", ["--no-whole-file", "--ignore-times", "--stats", folder["new"], folder["there"]]));
        RsyncBytes = BytesSaid().Matches(said).Sum(m => long.Parse(m.Groups[1].Value.Replace(",", "", StringComparison.Ordinal), CultureInfo.InvariantCulture));
        return time;
    }

    private void MustBeSource(string file)
    {
        if (!File.ReadAllBytes(folder[file]).AsSpan().SequenceEqual(data.Source))
            throw new InvalidOperationException($"{data.Name}: what came out is another file.");
    }

    [GeneratedRegex(@"^Total bytes (?:sent|received): ([0-9,]+)", RegexOptions.Multiline)]
    private static partial Regex BytesSaid();
}
