using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using VmPod.Testing;
using Xunit;

namespace VmPod.PodKeeper.Tests.Cli;

/// <summary>forget, gc, squash and clean, as a person types them.</summary>
public sealed class HouseCliTests : IDisposable
{
    private readonly TempFolder temp = new();

    public HouseCliTests()
    {
        File.WriteAllText(temp["pin"], "canary-passphrase-7d1f");
        File.SetUnixFileMode(temp["pin"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        temp.Sub("files");
        PodKeeperProgram.Run("init", Pod, "--argon-memory", "8", "--no-recovery", "--pin-file", Pin).Expect(0);
        for (int i = 0; i < 4; i++)
            Put(i);
    }

    private string Pod => temp["pod"];

    private string Pin => temp["pin"];

    public void Dispose() => temp.Dispose();

    [Fact]
    public void What_is_forgotten_is_gone_from_the_list_and_gc_gives_its_space_back()
    {
        long before = Occupied();
        JsonElement would = Run("forget", Pod, "work@1", "work@3", "--dry-run");
        Assert.True(would.GetProperty("dry_run").GetBoolean());
        Assert.Equal(4, Generations().Count);
        JsonElement done = Run("forget", Pod, "work@1", "work@3");
        Assert.Equal(would.GetProperty("bytes_to_free").GetInt64(), done.GetProperty("bytes_to_free").GetInt64());
        Assert.Equal([2, 4], Generations());
        Assert.Equal(3, PodKeeperProgram.Run("get", Pod, "work@3", temp["out"], "--pin-file", Pin, "--json").ExitCode);
        Assert.Equal(4, PodKeeperProgram.Run("forget", Pod, "work@4", "--pin-file", Pin, "--json").ExitCode);

        JsonElement tried = PodKeeperProgram.Run("gc", Pod, "--dry-run", "--json").Expect(0).Json;
        Assert.Equal(0, PodKeeperProgram.Run("status", Pod, "--json").Expect(0).Json.GetProperty("freed_cells").GetInt64());
        // About what it was: a file system may go on allotting blocks to what was written.
        Assert.True(Occupied() > before * 9 / 10, $"{before} bytes, then {Occupied()}");
        JsonElement freed = PodKeeperProgram.Run("gc", Pod, "--json").Expect(0).Json;
        Assert.Equal(tried.GetProperty("cells_freed").GetInt64(), freed.GetProperty("cells_freed").GetInt64());
        Assert.Equal(done.GetProperty("cells_to_free").GetInt64(), freed.GetProperty("cells_freed").GetInt64());
        Assert.True(Occupied() < before * 2 / 3, $"{before} bytes, then {Occupied()}");
        PodKeeperProgram.Run("verify", Pod, "--deep", "--pin-file", Pin).Expect(0);
        Assert.Equal(freed.GetProperty("cells_freed").GetInt64(), PodKeeperProgram.Run("status", Pod, "--json").Expect(0).Json
            .GetProperty("freed_cells").GetInt64());
        PodKeeperProgram.Run("get", Pod, "work", temp["out"], "--pin-file", Pin).Expect(0);
        Assert.Equal(File.ReadAllBytes(temp["files", "disk"]), File.ReadAllBytes(temp["out", "disk"]));
        // Each act is logged before it happens.
        foreach (string act in new[] { "forget", "gc" })
        {
            JsonElement[] entries = [.. PodKeeperProgram.Run("audit", "show", Pod, "--event", act, "--json").Expect(0).Json
                .GetProperty("entries").EnumerateArray()];
            Assert.Equal("intent", entries[0].GetProperty("outcome").GetString());
            Assert.Equal("ok", entries[1].GetProperty("outcome").GetString());
        }
    }

    [Fact]
    public void Rules_thin_a_session_and_say_what_stays_all_the_same()
    {
        JsonElement kept = Run("forget", Pod, "work", "--keep-last", "2");
        Assert.Equal([1, 2], kept.GetProperty("generations").EnumerateArray().Select(g => g.GetInt32()));
        Assert.Equal([3, 4], Generations());
        // All of one day: a rule of days keeps the newest.
        Run("forget", Pod, "work", "--keep-daily", "7", "--keep-weekly", "4");
        Assert.Equal([4], Generations());
        Assert.Equal(2, PodKeeperProgram.Run("forget", Pod, "work", "--json").ExitCode);
        Assert.Equal(2, PodKeeperProgram.Run("forget", Pod, "work@4", "--keep-last", "1", "--json").ExitCode);
        Assert.Equal(2, PodKeeperProgram.Run("forget", Pod, "work@4", "other@1", "--json").ExitCode);
        Assert.Equal(3, PodKeeperProgram.Run("forget", Pod, "nobody", "--keep-last", "1", "--pin-file", Pin, "--json").ExitCode);
    }

    [Fact]
    public void A_squashed_session_has_one_generation_with_the_same_content_and_there_is_nothing_left_to_clean()
    {
        JsonElement squashed = Run("squash", Pod, "work");
        Assert.Equal(4, squashed.GetProperty("forgotten").GetInt32());
        Assert.Equal([5], Generations());
        PodKeeperProgram.Run("gc", Pod).Expect(0);
        JsonElement cleaned = Run("clean", Pod, "--budget", "100000000");
        Assert.Empty(cleaned.GetProperty("sessions").EnumerateArray());
        PodKeeperProgram.Run("get", Pod, "work", temp["out"], "--pin-file", Pin).Expect(0);
        Assert.Equal(File.ReadAllBytes(temp["files", "disk"]), File.ReadAllBytes(temp["out", "disk"]));
        PodKeeperProgram.Run("verify", Pod, "--deep", "--pin-file", Pin).Expect(0);
    }

    private static JsonElement Json(string[] arguments) => PodKeeperProgram.Run([.. arguments, "--json"]).Expect(0).Json;

    private JsonElement Run(params string[] arguments) => Json([.. arguments, "--pin-file", Pin]);

    private List<int> Generations() => [.. Run("sessions", Pod, "work").GetProperty("sessions")[0].GetProperty("generations").EnumerateArray()
        .Select(g => g.GetProperty("number").GetInt32())];

    private void Put(int number)
    {
        File.WriteAllBytes(temp["files", "disk"], RandomNumberGenerator.GetBytes(2_000_000));
        File.WriteAllText(temp["files", "note"], $"generation {number}");
        PodKeeperProgram.Run("put", Pod, "work", temp["files"], "--pin-file", Pin).Expect(0);
    }

    private long Occupied() => Directory.EnumerateFiles(temp["pod", "v1/segments"]).Sum(BlockBytes);

    private static long BlockBytes(string path)
    {
        using Process stat = Process.Start(new ProcessStartInfo("stat", ["-c", "%b", path]) { RedirectStandardOutput = true })!;
        long blocks = long.Parse(stat.StandardOutput.ReadToEnd(), CultureInfo.InvariantCulture);
        stat.WaitForExit();
        return 512 * blocks;
    }
}
