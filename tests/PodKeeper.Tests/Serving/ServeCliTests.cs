using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using VmPod.Foundation;
using VmPod.PodKeeper.Serving;
using VmPod.PodKeeper.Tests.Cli;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Wire;
using VmPod.Testing;
using Xunit;

namespace VmPod.PodKeeper.Tests.Serving;

/// <summary>podkeeper serve as it is built, and the commands beside it.</summary>
public sealed partial class ServeCliTests : IDisposable
{
    private const string Canary = "canary-passphrase-of-serve-52c8";
    private readonly TempFolder temp = new();
    private readonly List<Process> started = [];

    public ServeCliTests()
    {
        File.WriteAllText(temp["pin"], Canary);
        File.SetUnixFileMode(temp["pin"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        temp.Sub("files");
        File.WriteAllBytes(temp["files", "disk"], RandomNumberGenerator.GetBytes(300_000));
        PodKeeperProgram.Run("init", Pod, "--pin-file", Pin, "--argon-memory", "8").Expect(0);
        PodKeeperProgram.Run("put", Pod, "work", temp["files"], "--pin-file", Pin).Expect(0);
    }

    private string Pod => temp["pod"];

    private string Pin => temp["pin"];

    public void Dispose()
    {
        foreach (Process process in started)
        {
            if (!process.HasExited)
                process.Kill();
            // Until it is gone: what it was just writing must not come into the folder while that is deleted.
            process.WaitForExit();
            process.Dispose();
        }
        temp.Dispose();
    }

    [Fact]
    [Trait("Spec", "P-55")]
    [Trait("Spec", "P-56")]
    [Trait("Spec", "P-58")]
    public void Commands_of_the_owner_go_to_the_server_which_ends_in_order()
    {
        using var systemd = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        systemd.Bind(new UnixDomainSocketEndPoint(temp["notify"]));
        systemd.ReceiveTimeout = 60_000;
        (Process server, JsonElement ready) = Serve(["env", $"NOTIFY_SOCKET={temp["notify"]}"]);
        Assert.False(ready.GetProperty("unlocked").GetBoolean());
        Assert.Equal("READY=1", Notified(systemd));
        string runtime = ready.GetProperty("runtime").GetString()!, vault = ready.GetProperty("vault").GetString()!;
        Assert.Equal(ready.GetProperty("address").GetString() + "\n", File.ReadAllText(Path.Combine(runtime, vault + ".address")));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(runtime, vault + ".ctl")));

        JsonElement status = PodKeeperProgram.Run("status", Pod, "--json").Expect(0).Json;
        Assert.False(status.GetProperty("unlocked").GetBoolean());
        Assert.Equal(ready.GetProperty("address").GetString(), status.GetProperty("serving").GetProperty("address").GetString());
        JsonElement unnamed = PodKeeperProgram.Run("sessions", Pod, "--json").Expect(0).Json.GetProperty("sessions")[0];
        Assert.Equal(JsonValueKind.Null, unnamed.GetProperty("name").ValueKind);
        PodKeeperProgram.Run("release", Pod, "work").Expect((int)ExitCode.Refused);
        PodKeeperProgram.Run("put", Pod, "work", temp["files"], "--pin-file", Pin).Expect((int)ExitCode.Busy);

        File.WriteAllText(temp["wrong"], "not the passphrase");
        File.SetUnixFileMode(temp["wrong"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        PodKeeperProgram.Run("unlock", Pod, "--pin-file", temp["wrong"]).Expect((int)ExitCode.Refused);
        Assert.True(PodKeeperProgram.Run("unlock", Pod, "--pin-file", Pin, "--json").Expect(0).Json.GetProperty("served").GetBoolean());
        Assert.Equal("work", PodKeeperProgram.Run("sessions", Pod, "--json").Expect(0).Json.GetProperty("sessions")[0].GetProperty("name").GetString());
        Assert.False(PodKeeperProgram.Run("release", Pod, "work", "--json").Expect(0).Json.GetProperty("was_open").GetBoolean());

        // A copy of the folder is another thing, although it has the same vault.
        Process.Start("cp", ["-a", Pod, temp["copy"]]).WaitForExit();
        Assert.Equal(JsonValueKind.Null, PodKeeperProgram.Run("status", temp["copy"], "--json").Expect(0).Json.GetProperty("serving").ValueKind);

        JsonElement log = PodKeeperProgram.Run("audit", "show", Pod, "--session", "work", "--json").Expect(0).Json;
        Assert.NotEmpty(log.GetProperty("entries").EnumerateArray());
        Assert.Equal(0, PodKeeperProgram.Run("lock", Pod, "--json").Expect(0).Json.GetProperty("leases").GetInt32());
        Assert.Contains("locked, served at", PodKeeperProgram.Run("status", Pod).Expect(0).Output, StringComparison.Ordinal);

        Assert.Equal(0, kill(server.Id, SIGTERM));
        string errors = server.StandardError.ReadToEnd();
        Assert.True(server.WaitForExit(60_000));
        Assert.Equal(0, server.ExitCode);
        Assert.Equal("STOPPING=1", Notified(systemd));
        Assert.DoesNotContain(Canary, errors, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(runtime, vault + ".ctl")));
        Assert.False(File.Exists(Path.Combine(runtime, vault + ".address")));
        Assert.Equal("pod-stop", Events()[^1]);
        Assert.Contains("unlock-fail", Events());
    }

    [Fact]
    [Trait("Spec", "P-56")]
    public void The_house_is_kept_by_the_server_of_a_pod_that_is_served()
    {
        File.WriteAllBytes(temp["files", "disk"], RandomNumberGenerator.GetBytes(300_000));
        PodKeeperProgram.Run("put", Pod, "work", temp["files"], "--pin-file", Pin).Expect(0);
        Serve([]);
        PodKeeperProgram.Run("forget", Pod, "work@1").Expect((int)ExitCode.Refused);
        PodKeeperProgram.Run("unlock", Pod, "--pin-file", Pin).Expect(0);
        Assert.Equal(1, PodKeeperProgram.Run("forget", Pod, "work", "--keep-last", "1", "--json").Expect(0).Json.GetProperty("generations")[0].GetInt32());
        Assert.True(PodKeeperProgram.Run("gc", Pod, "--json").Expect(0).Json.GetProperty("cells_freed").GetInt64() > 4);
        Assert.Empty(PodKeeperProgram.Run("clean", Pod, "--dry-run", "--json").Expect(0).Json.GetProperty("sessions").EnumerateArray());
        Assert.Equal(3, PodKeeperProgram.Run("squash", Pod, "work", "--json").Expect(0).Json.GetProperty("generation").GetInt32());
        // gc needs no keys.
        PodKeeperProgram.Run("lock", Pod).Expect(0);
        Assert.True(PodKeeperProgram.Run("gc", Pod, "--json").Expect(0).Json.GetProperty("cells_freed").GetInt64() > 4);
        JsonElement status = PodKeeperProgram.Run("status", Pod, "--json").Expect(0).Json;
        Assert.True(status.GetProperty("freed_cells").GetInt64() > 8);
        Assert.Equal(JsonValueKind.False, status.GetProperty("low_space").ValueKind);
    }

    [Fact]
    [Trait("Spec", "P-57")]
    public void A_host_is_paired_by_the_code_that_the_owner_sees_and_is_linked_until_it_is_unpaired()
    {
        (_, JsonElement ready) = Serve([]);
        IPEndPoint address = IPEndPoint.Parse(ready.GetProperty("address").GetString()!);
        Process pair = Track(PodKeeperProgram.Start([], "pair", Pod, "--role", "home", "--listen", "127.0.0.1:0", "--json"));
        JsonElement shown = JsonDocument.Parse(pair.StandardOutput.ReadLine()!).RootElement;
        Assert.True(PairingCode.TryRead(Encoding.ASCII.GetBytes(shown.GetProperty("code").GetString()!), out PairingCode? code));
        using (code)
        {
            using (var wrong = new Socket(SocketType.Stream, ProtocolType.Tcp))
            {
                wrong.Connect(IPEndPoint.Parse(code!.Address));
                wrong.Send([1, 2, 3]);
                wrong.Shutdown(SocketShutdown.Send);
                _ = wrong.Receive(new byte[100]);
            }
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            socket.Connect(IPEndPoint.Parse(code.Address));
            using Pairing pairing = PairingHost.ByCode(socket, code, "laptop");
            JsonElement paired = JsonDocument.Parse(pair.StandardOutput.ReadToEnd()).RootElement;
            Assert.True(pair.WaitForExit(60_000));
            Assert.Equal((0, "laptop", "home"), (pair.ExitCode, paired.GetProperty("name").GetString(), paired.GetProperty("role").GetString()));
            using var host = new WireHost(address, pairing);
            Assert.Single(host.Link.Call(ListRequest.Instance, WireHost.Patience).Lines);

            JsonElement listed = PodKeeperProgram.Run("pairings", Pod, "--json").Expect(0).Json.GetProperty("pairings")[0];
            Assert.Equal(pairing.Id.ToString("x32"), listed.GetProperty("id").GetString());
            JsonElement unpaired = PodKeeperProgram.Run("unpair", Pod, listed.GetProperty("id").GetString()!, "--json").Expect(0).Json;
            Assert.Equal(1, unpaired.GetProperty("links_ended").GetInt32());
            ServeTests.Until(() => host.Link.Ended.IsCompleted);
            PodKeeperProgram.Run("unpair", Pod, listed.GetProperty("id").GetString()!).Expect((int)ExitCode.NotFound);
        }
        string[] events = [.. Events().Where(e => e.StartsWith("pairing", StringComparison.Ordinal) || e.StartsWith("host", StringComparison.Ordinal))];
        Assert.Equal(["pairing-opened", "pairing-attempt", "pairing-failed", "pairing-attempt", "host-paired", "host-unpaired"], events);
    }

    [Fact]
    [Trait("Spec", "P-57")]
    public async Task A_pod_that_is_not_served_pairs_by_digits_too_and_no_is_no()
    {
        foreach (bool yes in new[] { false, true })
        {
            Process pair = Track(PodKeeperProgram.Start([], "pair", Pod, "--digits", "--listen", "127.0.0.1:0", "--address", "127.0.0.1:1", "--json"));
            int port = ListeningPort(pair);
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            socket.Connect(IPAddress.Loopback, port);
            string digits = "";
            Task<Pairing> host = Task.Run(() => PairingHost.ByDigits(socket, (own, _) =>
            {
                digits = DigitsText.Of(own);
                return true;
            }, "laptop"), TestContext.Current.CancellationToken);
            JsonElement asked = JsonDocument.Parse(pair.StandardOutput.ReadLine()!).RootElement;
            pair.StandardInput.WriteLine(yes ? "y" : "n");
            if (yes)
            {
                using Pairing pairing = await host;
                Assert.Equal(HostRole.Foreign, pairing.Role);
                Assert.True(pair.WaitForExit(60_000));
                Assert.Equal(0, pair.ExitCode);
            }
            else
            {
                await Assert.ThrowsAsync<VmPodException>(() => host);
                pair.Kill();
                pair.WaitForExit();
            }
            Assert.Equal(digits, asked.GetProperty("digits").GetString());
        }
        Assert.Single(PodKeeperProgram.Run("pairings", Pod, "--json").Expect(0).Json.GetProperty("pairings").EnumerateArray());
    }

    [Fact]
    [Trait("Spec", "P-48")]
    public void After_kill_9_of_the_server_the_host_attaches_its_lease_again_and_the_log_is_whole()
    {
        using Pairing pairing = Known();
        (Process server, JsonElement ready) = Serve([], "--pin-file", Pin);
        using var host = new WireHost(IPEndPoint.Parse(ready.GetProperty("address").GetString()!), pairing);
        host.Open();
        server.Kill();
        server.WaitForExit();
        ServeTests.Until(() => host.Link.Ended.IsCompleted);
        (_, ready) = Serve([], "--pin-file", Pin);
        using var again = new WireHost(IPEndPoint.Parse(ready.GetProperty("address").GetString()!), pairing);
        Assert.True(again.Link.Call(host.AttachTo, WireHost.Patience).IsOpen);
        again.Close();
        Assert.True(AuditTrail.OpenReader(Pod).Verify().IsIntact);
    }

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);

    private const int SIGTERM = 15;

    private static string Notified(Socket systemd)
    {
        byte[] bytes = new byte[256];
        return Encoding.ASCII.GetString(bytes, 0, systemd.Receive(bytes)).Split('\n')[0];
    }

    // While it waits for a host, its one listening socket of the network.
    private static int ListeningPort(Process process)
    {
        int port = 0;
        ServeTests.Until(() =>
        {
            HashSet<string> inodes = [.. Directory.GetFiles($"/proc/{process.Id}/fd").Select(f => new FileInfo(f).LinkTarget ?? "")];
            foreach (string[] line in File.ReadLines("/proc/net/tcp").Skip(1).Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
            {
                if (line[3] == "0A" && inodes.Contains($"socket:[{line[9]}]"))
                    port = Convert.ToInt32(line[1].Split(':')[1], 16);
            }
            return port != 0;
        });
        return port;
    }

    private (Process Server, JsonElement Ready) Serve(string[] wrapper, params string[] more)
    {
        Process server = Track(PodKeeperProgram.Start(wrapper, ["serve", Pod, "--listen", "127.0.0.1:0", "--json", .. more]));
        string? line = server.StandardOutput.ReadLine();
        Assert.True(line is not null, line is null ? server.StandardError.ReadToEnd() : "");
        JsonElement ready = JsonDocument.Parse(line!).RootElement;
        Assert.True(ready.TryGetProperty("ready", out JsonElement isReady) && isReady.GetBoolean(), line);
        return (server, ready);
    }

    private Pairing Known()
    {
        byte[] bytes = [.. "VPP1"u8, .. RandomNumberGenerator.GetBytes(48), (byte)HostRole.Foreign, .. new byte[8], 4, .. "host"u8];
        Assert.True(Pairing.TryRead(bytes, out Pairing? pairing));
        PairingFolder.Save(PodServer.PairingsOf(Pod), pairing!);
        return pairing!;
    }

    private List<string> Events() => [.. AuditTrail.OpenReader(Pod).Read().Select(e => e.Event)];

    private Process Track(Process process)
    {
        started.Add(process);
        return process;
    }
}
