using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using VmPod.Foundation;
using VmPod.PodKeeper.Tests.Cli;
using VmPod.Sync.Channel.Pairings;
using VmPod.Testing;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using Xunit;

namespace VmPod.PodKeeper.Tests.Serving;

/// <summary>The server is killed while a host puts over the link; VMPOD_SOAK says how often (20 is a soak).</summary>
public sealed class KilledServerTests : IDisposable
{
    private const int Usual = 5, FileBytes = 8_000_000;
    private readonly TempFolder temp = new();

    private static int Rounds =>
        int.TryParse(Environment.GetEnvironmentVariable("VMPOD_SOAK"), CultureInfo.InvariantCulture, out int rounds) ? rounds : Usual;

    public KilledServerTests()
    {
        File.WriteAllText(temp["pin"], "the passphrase of this test");
        File.SetUnixFileMode(temp["pin"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        temp.Sub("files");
        PodKeeperProgram.Run("init", Pod, "--pin-file", temp["pin"], "--argon-memory", "8").Expect(0);
    }

    private string Pod => temp["pod"];

    public void Dispose() => temp.Dispose();

    [Fact]
    [Trait("Spec", "P-74")]
    [Trait("Threat", "T-13")]
    public async Task A_server_that_is_killed_at_any_moment_of_a_put_loses_nothing_and_the_put_can_be_repeated()
    {
        using Pairing pairing = ServedProgram.PairingOf(Pod);
        int generations = 0, before = 0, after = 0;
        TimeSpan whole;
        using (var served = new ServedProgram(Pod, temp["pin"]))
        {
            NewFiles();
            Put(served, pairing, create: true);
            NewFiles();
            var since = Stopwatch.StartNew();
            Put(served, pairing);
            whole = since.Elapsed;
            generations = 2;
            served.Kill();
        }
        for (int round = 0; round < Rounds; round++)
        {
            bool isAcknowledged = false;
            NewFiles();
            using (var served = new ServedProgram(Pod, temp["pin"]))
            {
                // A process that has just begun is slower than the one that was measured.
                Task put = Task.Run(() => Put(served, pairing), TestContext.Current.CancellationToken);
                await Task.Delay(RandomNumberGenerator.GetInt32(2 * (int)whole.TotalMilliseconds), TestContext.Current.CancellationToken);
                served.Kill();
                try
                {
                    await put;
                    isAcknowledged = true;
                }
                catch (VmPodException e)
                {
                    Assert.Equal(ExitCode.LinkLost, e.ExitCode);
                }
            }
            int found = Generations();
            Assert.InRange(found, generations + (isAcknowledged ? 1 : 0), generations + 1);
            _ = found == generations ? before++ : after++;
            PodKeeperProgram.Run("verify", Pod).Expect(0);
            using (var served = new ServedProgram(Pod, temp["pin"]))
            {
                Put(served, pairing);
                served.Kill();
            }
            generations = found + 1;
            Assert.Equal(generations, Generations());
        }
        PodKeeperProgram.Run("verify", Pod, "--deep", "--pin-file", temp["pin"]).Expect(0);
        PodKeeperProgram.Run("audit", "verify", Pod).Expect(0);
        PodKeeperProgram.Run("get", Pod, "work", temp["out"], "--pin-file", temp["pin"]).Expect(0);
        Assert.Equal(File.ReadAllBytes(temp["files", "a"]), File.ReadAllBytes(temp["out", "a"]));
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"{before + after} kills within {whole.TotalMilliseconds:0} ms: {before} before the commit, {after} after it");
    }

    private static void Put(ServedProgram served, Pairing pairing, string files, bool create)
    {
        using var host = new WireHost(served.Address, pairing);
        using SessionLease lease = host.Resume("work", create);
        SnapshotWriter.Put(lease, [files], "remote", null, CancellationToken.None);
    }

    private void Put(ServedProgram served, Pairing pairing, bool create = false) => Put(served, pairing, temp["files"], create);

    private void NewFiles() => File.WriteAllBytes(temp["files", "a"], RandomNumberGenerator.GetBytes(FileBytes));

    private int Generations()
    {
        JsonElement session = PodKeeperProgram.Run("sessions", Pod, "--json").Expect(0).Json.GetProperty("sessions")[0];
        return session.GetProperty("generations").GetArrayLength();
    }
}
