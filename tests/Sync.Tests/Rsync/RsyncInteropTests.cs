using System.Globalization;
using System.Text.RegularExpressions;
using VmPod.Sync.Rsync;
using VmPod.Sync.Rsync.Deltas;
using VmPod.Sync.Rsync.Signatures;
using VmPod.Testing;
using Xunit;

namespace VmPod.Sync.Tests.Rsync;

/// <summary>
/// Our files and those of FastRsyncNet, read by each other: where a plain restore of that package works (tests/RsyncInterop). Where it does not, the test
/// says so as a warning, and holds only that this is why.
/// </summary>
public sealed partial class RsyncInteropTests(ITestOutputHelper output)
{
    /// <summary>NuGet's own words: no such package or version (NU1100 to NU1103), or no answer from where packages come from (NU1301).</summary>
    private static readonly string[] s_notHere = ["NU1100", "NU1101", "NU1102", "NU1103", "NU1301"];

    /// <summary>A restore that has an answer takes a few seconds; without one it would try again for minutes.</summary>
    private static readonly TimeSpan s_restoreLimit = TimeSpan.FromSeconds(90);

    [Fact]
    public async Task Our_files_and_the_librarys_are_read_by_each_other_where_the_library_can_be_had()
    {
        using var folder = new TempFolder();
        string project = folder.Sub("interop");
        foreach (string file in Directory.EnumerateFiles(Repository.PathOf("tests", "RsyncInterop")))
            File.Copy(file, Path.Join(project, Path.GetFileName(file)));
        var dotnet = new CliRunner("dotnet")
        {
            WorkingFolder = project,
            Environment = new Dictionary<string, string?>
            {
                ["MSBUILDDISABLENODEREUSE"] = "1",
                ["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0",
                ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1",
                ["DOTNET_CLI_UI_LANGUAGE"] = "en",
                ["NUGET_ENHANCED_MAX_NETWORK_TRY_COUNT"] = "1",
            },
        };
        if (await WhyNotRestored(dotnet) is { } why)
        {
            string said = $"interoperability with FastRsyncNet not run: {why}";
            output.WriteLine(said);
            TestContext.Current.AddWarning(said);
            return;
        }
        _ = (await dotnet.RunAsync(["build", "--no-restore", "-v", "q", "-o", "out", "-p:UseSharedCompilation=false"])).MustSucceed();
        var library = new CliRunner("dotnet", Path.Join(project, "out", "RsyncInterop.dll")) { WorkingFolder = folder.FullPath };
        int pairs = 0;
        foreach (BlockHash hash in Enum.GetValues<BlockHash>())
        {
            foreach (RollingChecksum rolling in Enum.GetValues<RollingChecksum>())
            {
                await Compare(library, folder, new SignatureOptions(2048, hash, rolling));
                pairs++;
            }
        }
        output.WriteLine($"interoperability with FastRsyncNet run: {pairs} pairs of hash and rolling sum");
    }

    private static async Task<string?> WhyNotRestored(CliRunner dotnet)
    {
        CliResult restore;
        try
        {
            restore = await dotnet.RunAsync(["restore", "--nologo"], s_restoreLimit);
        }
        catch (TimeoutException)
        {
            return $"no answer to the restore of the package within {s_restoreLimit.TotalSeconds} s";
        }
        if (restore.ExitCode == 0)
            return null;
        string code = ErrorCode().Match(restore.Output + restore.Errors).Groups[1].Value;
        Assert.True(s_notHere.Contains(code), $"the restore failed for another reason than that the package is not there:\n{restore.Output}{restore.Errors}");
        return $"the package cannot be restored on this machine ({code})";
    }

    /// <summary>Each step done by one and taken by the other.</summary>
    private static async Task Compare(CliRunner library, TempFolder folder, SignatureOptions options)
    {
        byte[] basis = [.. RsyncData.Random(1, 0, 300_000), .. new byte[50_000]];
        byte[] source = [.. basis.AsSpan(0, 100_000), 1, 2, 3, .. basis.AsSpan(120_000), .. RsyncData.Random(2, 0, 5000)];
        File.WriteAllBytes(folder["basis"], basis);
        File.WriteAllBytes(folder["new"], source);
        string[] sign = ["sign", "basis", "theirs.sig", options.Hash == BlockHash.Xxh3 ? "XXH3" : "XXH64",
            options.Rolling == RollingChecksum.Adler32V3 ? "Adler32V3" : "Adler32", options.BlockBytes.ToString(CultureInfo.InvariantCulture)];
        _ = (await library.RunAsync(sign)).MustSucceed();
        byte[] ours = RsyncData.SignatureOf(basis, options), theirs = File.ReadAllBytes(folder["theirs.sig"]);
        Assert.Equal(ours[(Array.IndexOf(ours, (byte)'}') + 1)..], theirs[(Array.IndexOf(theirs, (byte)'}') + 1)..]);

        // Their delta of our signature, applied by us.
        File.WriteAllBytes(folder["ours.sig"], ours);
        _ = (await library.RunAsync(["delta", "ours.sig", "new", "theirs.delta"])).MustSucceed();
        Assert.Equal(source, RsyncData.Apply(basis, File.ReadAllBytes(folder["theirs.delta"]), source.Length));

        // Our delta of their signature, applied by them: they also hold the hash in it against the result.
        Signature read = SignatureReader.Read(theirs, basis.Length);
        foreach (DeltaSearch search in Enum.GetValues<DeltaSearch>())
        {
            File.WriteAllBytes(folder["ours.delta"], RsyncData.DeltaOf(read, source, search));
            _ = (await library.RunAsync(["apply", "basis", "ours.delta", "made"])).MustSucceed();
            Assert.Equal(source, File.ReadAllBytes(folder["made"]));
        }
    }

    [GeneratedRegex(@"\berror (NU\d{4})\b")]
    private static partial Regex ErrorCode();
}
