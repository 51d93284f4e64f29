using System.Diagnostics;
using System.Security.Cryptography;
using VmPod.Testing;
using Xunit;

namespace VmPod.EndToEnd;

/// <summary>kill -9 of the pod's own program while it writes: a put in its middle (rule 6, rule 22).</summary>
public sealed class PutCrashTests(BasePod pod)
{
    private const string Session = "files";
    private const int FileBytes = 24 << 20;

    [Fact]
    [Trait("Threat", "T-13")]
    public async Task After_kill_9_of_put_the_newest_generation_is_the_old_one_or_the_new_one_and_the_next_put_succeeds()
    {
        await using PodCopy copy = await pod.CopyAsync();
        string folder = copy.Folder["vault"], source = copy.Folder.Sub("source"), file = Path.Join(source, "disk");
        _ = await BasePod.PodKeeperAsync("init", folder, "--argon-memory", "8", "--pin-file", pod.PinFile);
        await File.WriteAllBytesAsync(file, RandomNumberGenerator.GetBytes(FileBytes), TestContext.Current.CancellationToken);
        await PutAsync();
        // Kills are spread over the time that such a put takes.
        Change(file);
        long started = Stopwatch.GetTimestamp();
        await PutAsync();
        TimeSpan whole = Stopwatch.GetElapsedTime(started);
        long generation = 2;
        int kept = 0, committed = 0;
        string before = await SumAsync(file);
        for (int round = 1; round <= SoakRounds.Count; round++)
        {
            Change(file);
            string after = await SumAsync(file);
            await using (CliProcess put = CliRunner.PodKeeper.Start(["put", folder, Session, source, "--pin-file", pod.PinFile, "--json"]))
            {
                await Task.Delay(Random.Shared.NextDouble() * 1.5 * whole, TestContext.Current.CancellationToken);
                put.Signal(9);
                _ = await put.WaitAsync(TimeSpan.FromMinutes(2), TestContext.Current.CancellationToken);
            }
            _ = await BasePod.PodKeeperAsync("verify", folder);
            long newest = await NewestAsync();
            Assert.InRange(newest, generation, generation + 1);
            before = newest == generation ? before : after;
            Assert.Equal(before, await GetAsync());
            (kept, committed) = newest == generation ? (kept + 1, committed) : (kept, committed + 1);
            SoakRounds.Say($"put kill {round}: generation {generation} -> {newest}");
            generation = newest;
        }
        Change(file);
        await PutAsync();
        Assert.Equal(generation + 1, await NewestAsync());
        Assert.Equal(await SumAsync(file), await GetAsync());
        SoakRounds.Say($"put: {kept + committed} kills, {kept} before the commit, {committed} after it");

        Task PutAsync() => BasePod.PodKeeperAsync("put", folder, Session, source, "--pin-file", pod.PinFile);

        async Task<long> NewestAsync() => (await BasePod.PodKeeperAsync("sessions", folder, Session, "--pin-file", pod.PinFile)).GetProperty("sessions")[0]
            .GetProperty("generations").EnumerateArray().Max(g => g.GetProperty("number").GetInt64());

        async Task<string> GetAsync()
        {
            string to = copy.InRam["got"];
            _ = await BasePod.PodKeeperAsync("get", folder, Session, to, "--pin-file", pod.PinFile);
            string sum = await SumAsync(Path.Join(to, "disk"));
            Directory.Delete(to, recursive: true);
            return sum;
        }
    }

    // Half of it, in pieces: so that a put has enough to write to be caught at it.
    private static void Change(string file)
    {
        const int Piece = 1 << 20;
        using FileStream stream = File.OpenWrite(file);
        for (long at = 0; at < FileBytes; at += 2 * Piece)
        {
            stream.Position = at;
            stream.Write(RandomNumberGenerator.GetBytes(Piece));
        }
    }

    private static async Task<string> SumAsync(string file)
    {
        await using FileStream stream = File.OpenRead(file);
        return Convert.ToHexString(await SHA256.HashDataAsync(stream, TestContext.Current.CancellationToken));
    }
}
