using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using VmPod.Testing;
using Xunit;

namespace VmPod.PodKeeper.Tests.Cli;

/// <summary>
/// kill -9 of forget, gc, squash and clean, as a person runs them, in the middle. Four kills in each run, at set shares of the command's time; VMPOD_SOAK=200
/// makes as many, each at a random moment.
/// </summary>
public sealed class KilledHouseTests : IDisposable
{
    private const int Pages = 512, PageBytes = 4096, KeptMax = 2;
    private const string Session = "work", Bystander = "other";
    private static readonly string[] Commands = ["forget", "gc", "clean", "squash"];
    private static readonly double[] UsualShares = [0.55, 0.7, 0.8, 0.9];

    private readonly TempFolder temp = new(inRam: true);

    // What was acknowledged: the content of each generation by the seeds of its pages.
    private readonly SortedDictionary<int, int[]> generations = [];
    private readonly Dictionary<string, TimeSpan> takes = [];
    private int[] pages = [.. Enumerable.Range(1, Pages)];
    private int seed = 1000;

    public KilledHouseTests()
    {
        File.WriteAllText(temp["pin"], "the passphrase of this test");
        File.SetUnixFileMode(temp["pin"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        temp.Sub("files");
        PodKeeperProgram.Run("init", Pod, "--argon-memory", "8", "--no-recovery", "--pin-file", Pin).Expect(0);
        Write(pages);
        PodKeeperProgram.Run("put", Pod, Bystander, temp["files"], "--pin-file", Pin).Expect(0);
        Put();
    }

    private string Pod => temp["pod"];

    private string Pin => temp["pin"];

    public void Dispose() => temp.Dispose();

    [Fact]
    [Trait("Threat", "T-13")]
    [Trait("Spec", "V-161")]
    [Trait("Spec", "V-169")]
    public void After_kill_9_of_forget_gc_squash_or_clean_every_kept_generation_comes_back_byte_by_byte_and_the_command_can_be_repeated()
    {
        int rounds = int.TryParse(Environment.GetEnvironmentVariable("VMPOD_SOAK"), CultureInfo.InvariantCulture, out int soak) ? soak : 0;
        int killed = 0, ended = 0, done = 0;
        for (int round = 0; round < Math.Max(rounds, Commands.Length); round++)
        {
            string command = Commands[round % Commands.Length];
            double share = rounds > 0 ? 0.3 + 0.9 * Random.Shared.NextDouble() : UsualShares[round % UsualShares.Length];
            string[] arguments = Prepare(command);
            if (!takes.TryGetValue(command, out TimeSpan whole))
            {
                // How long it takes is found out on a copy of the pod.
                FolderCopy(Pod, temp["copy"]);
                long began = Stopwatch.GetTimestamp();
                PodKeeperProgram.Run([arguments[0], temp["copy"], .. arguments[2..]]).Expect(0);
                takes[command] = whole = Stopwatch.GetElapsedTime(began);
                Directory.Delete(temp["copy"], recursive: true);
            }
            using (Process process = PodKeeperProgram.Start([], arguments))
            {
                process.StandardInput.Close();
                if (process.WaitForExit(share * whole))
                    ended++;
                else
                    killed++;
                process.Kill();
                process.WaitForExit();
            }
            bool isDone = TakeListed(command);
            done += isDone ? 1 : 0;
            TestContext.Current.TestOutputHelper?.WriteLine(
                $"{command} killed after {share:0.00} of {whole.TotalMilliseconds:0} ms: {(isDone ? "done" : "not done")}");
            PodKeeperProgram.Run("verify", Pod, "--deep", "--pin-file", Pin).Expect(0);
            foreach ((int number, int[] content) in generations)
                MustGive($"{Session}@{number}", content);
            // A cleaning leaves sessions alone that are in use, which this one is for whoever looks: its lease is open.
            if (command == "clean" && !isDone)
                PodKeeperProgram.Run("release", Pod, Session, "--pin-file", Pin).Expect(0);
            // What was killed is done again, but for a forgetting that was done: there the names are gone.
            PodKeeperProgram.Run(command == "forget" && isDone ? ["gc", Pod] : arguments).Expect(0);
            isDone |= TakeListed(command);
            // What a lease began from that was killed stays for seven days (V-162), so a cleaning may have nothing to win.
            Assert.True(isDone || command == "gc" || command == "clean", $"{command} was done and cannot be seen");
        }
        PodKeeperProgram.Run("gc", Pod).Expect(0);
        PodKeeperProgram.Run("audit", "verify", Pod).Expect(0);
        PodKeeperProgram.Run("verify", Pod, "--deep", "--pin-file", Pin).Expect(0);
        foreach ((int number, int[] content) in generations)
            MustGive($"{Session}@{number}", content);
        MustGive(Bystander, [.. Enumerable.Range(1, Pages)]);
        TestContext.Current.TestOutputHelper?.WriteLine($"{killed} killed, {ended} had ended; {done} of them had been done when they were looked at");
        // A machine that became faster in the middle may end each of a few before its kill; not each of many.
        Assert.True(killed > 0 || rounds < 20, "nothing was killed");
    }

    // Makes something for the command to do, and says how it is run.
    private string[] Prepare(string command)
    {
        // All pages but one in eleven, so that cells are mostly dead.
        pages = [.. pages.Select((old, at) => at % 11 != 0 ? seed++ : old)];
        Put();
        int[] gone = [.. generations.Keys.SkipLast(command == "clean" ? 1 : KeptMax)];
        if (gone.Length > 0)
            PodKeeperProgram.Run(["forget", Pod, .. gone.Select(g => $"{Session}@{g}"), "--pin-file", Pin]).Expect(0);
        foreach (int number in gone)
            generations.Remove(number);
        return command switch
        {
            "forget" => ["forget", Pod, $"{Session}@{generations.Keys.First()}", "--pin-file", Pin],
            "gc" => ["gc", Pod],
            "squash" => ["squash", Pod, Session, "--pin-file", Pin],
            _ => ["clean", Pod, "--pin-file", Pin],
        };
    }

    // Whether the list says that the command was done. It must be as before, or as the command makes it, and nothing between.
    private bool TakeListed(string command)
    {
        int[] listed = Listed(), known = [.. generations.Keys];
        if (listed.SequenceEqual(known))
            return false;
        if (command == "forget")
        {
            Assert.Equal(known[1..], listed);
            generations.Remove(known[0]);
            return true;
        }
        // One generation, with the number after the newest and its content.
        Assert.True(command is "squash" or "clean", $"{command} changed {string.Join(", ", known)} to {string.Join(", ", listed)}");
        Assert.Equal([known[^1] + 1], listed);
        int[] newest = generations[known[^1]];
        generations.Clear();
        generations[listed[0]] = newest;
        return true;
    }

    private void MustGive(string name, int[] content)
    {
        PodKeeperProgram.Run("get", Pod, name, temp["out"], "--pin-file", Pin).Expect(0);
        Assert.True(File.ReadAllBytes(temp["out", "disk-flat.vmdk"]).AsSpan().SequenceEqual(BytesOf(content)), $"{name} is not what was put");
        Directory.Delete(temp["out"], recursive: true);
    }

    private void Put()
    {
        Write(pages);
        JsonElement put = PodKeeperProgram.Run("put", Pod, Session, temp["files"], "--pin-file", Pin, "--json").Expect(0).Json;
        generations[put.GetProperty("generation").GetInt32()] = pages;
    }

    private int[] Listed()
    {
        JsonElement session = PodKeeperProgram.Run("sessions", Pod, Session, "--pin-file", Pin, "--json").Expect(0).Json.GetProperty("sessions")[0];
        return [.. session.GetProperty("generations").EnumerateArray().Select(g => g.GetProperty("number").GetInt32()).Order()];
    }

    private void Write(int[] content) => File.WriteAllBytes(temp["files", "disk-flat.vmdk"], BytesOf(content));

    private static byte[] BytesOf(int[] content)
    {
        byte[] bytes = new byte[content.Length * PageBytes];
        for (int i = 0; i < content.Length; i++)
            new Random(content[i]).NextBytes(bytes.AsSpan(i * PageBytes, PageBytes));
        return bytes;
    }

    private static void FolderCopy(string from, string to)
    {
        using Process copy = Process.Start("cp", ["-a", from, to]);
        copy.WaitForExit();
        Assert.Equal(0, copy.ExitCode);
    }
}
