using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using VmPod.Testing;
using Xunit;

namespace VmPod.EndToEnd;

/// <summary>Where the session's plaintext is while it runs, and who can get at it.</summary>
public sealed partial class ConfinementTests(BasePod pod)
{
    private const int StrangerUid = 65_533;

    [Fact]
    public async Task Overlay_and_cache_are_locked_in_memory()
    {
        await using PodCopy copy = await pod.CopyAsync();
        await using TestSession small = await copy.ResumeAsync("--cache", "32", "--overlay", "32");
        long smallKiB = ProcessSnapshot.Of(small.HostGuardPid).LockedKiB;
        await PodCopy.EndAsync(small);
        await using TestSession large = await copy.ResumeAsync("--cache", "96", "--overlay", "128");
        long largeKiB = ProcessSnapshot.Of(large.HostGuardPid).LockedKiB;
        Assert.True(largeKiB >= (96 + 128) * 1024, $"VmLck {largeKiB} KiB");
        Assert.InRange(largeKiB - smallKiB, (64 + 96) * 1024 - 8192, (64 + 96) * 1024 + 65536);
    }

    [Fact]
    public async Task A_third_user_cannot_read_the_mount_even_inside_its_namespace()
    {
        await using PodCopy copy = await pod.CopyAsync();
        await using TestSession session = await copy.ResumeAsync();
        var inside = new CliRunner(SystemTools.Find("nsenter"), "--target", session.HostGuardPid.ToString(CultureInfo.InvariantCulture), "--mount", "--");
        string disk = Path.Join(session.Mount, "disk");
        // Whom the mount is for can read it; nobody else can; from outside the namespace it is not there at all.
        Assert.Equal(0, (await HeadAsync(inside, 61_744, disk)).ExitCode);
        Assert.NotEqual(0, (await HeadAsync(inside, StrangerUid, disk)).ExitCode);
        Assert.False(File.Exists(disk));
    }

    [Fact]
    public async Task The_console_is_the_guests_serial_line()
    {
        await using PodCopy copy = await pod.CopyAsync();
        await using TestSession session = await copy.ResumeAsync();
        var environment = new Dictionary<string, string?> { ["VMPOD_RUN_FOLDER"] = copy.Host.RunFolder };
        var hostguard = new CliRunner(Repository.Program("VmPod.HostGuard", "hostguard")) { Environment = environment };
        await using CliProcess console = hostguard.Start(["console", BasePod.Session]);
        await console.WriteAsync("\r"u8.ToArray());
        await console.WaitForTextAsync("#", TimeSpan.FromMinutes(5), TestContext.Current.CancellationToken);
        await console.WriteAsync("echo sum $((1234 * 2))\r"u8.ToArray());
        await console.WaitForTextAsync("sum 2468", TimeSpan.FromMinutes(5), TestContext.Current.CancellationToken);
    }

    [Fact]
    [Trait("Spec", "H-07")]
    [Trait("Threat", "T-16")]
    public async Task Request_and_passphrase_are_on_no_command_line_and_in_no_environment()
    {
        await using PodCopy copy = await pod.CopyAsync();
        var host = new TestHost(copy.InRam["run2"], copy.Pod, copy.PinFile);
        await using TestSession session = await host.StartAsync("resume", BasePod.Session, []);
        string[] command = CommandOf(session.HostGuardPid).TrimEnd('\0').Split('\0');
        Assert.Equal("session-run", Assert.Single(command.Skip(1)));
        string passphrase = Encoding.UTF8.GetString(BasePod.Passphrase);
        foreach (int process in session.Processes)
        {
            Assert.DoesNotContain(passphrase, CommandOf(process), StringComparison.Ordinal);
            Assert.DoesNotContain(passphrase, Encoding.UTF8.GetString(ProcessSnapshot.EnvironmentOf(process)), StringComparison.Ordinal);
        }
        // The environment is really read: what was put there is seen.
        Assert.Contains("VMPOD_RUN_FOLDER=", Encoding.UTF8.GetString(ProcessSnapshot.EnvironmentOf(session.HostGuardPid)), StringComparison.Ordinal);

        static string CommandOf(int process) => File.ReadAllText($"/proc/{process}/cmdline");
    }

    [Fact]
    [Trait("Spec", "H-08")]
    public async Task A_control_connection_carries_one_bounded_request_and_one_reply()
    {
        const int LineBytesMax = 65_536;
        await using PodCopy copy = await pod.CopyAsync();
        await using TestSession session = await copy.ResumeAsync();
        byte[] request = [.. "{\"verb\": \"status\"}\n"u8];
        string reply = await AskAsync([.. request, .. request]);
        Assert.Equal('\n', reply[^1]);
        Assert.Equal(1, reply.Count(c => c == '\n'));
        Assert.Equal("Running", JsonSerializer.Deserialize<JsonElement>(reply).GetProperty("status").GetProperty("phase").GetString());
        // Padded to the bound it is a request still; a byte more is none.
        Assert.NotEqual("", await AskAsync(Padded(LineBytesMax)));
        Assert.Equal("", await AskAsync(Padded(LineBytesMax + 1)));
        Assert.Equal("", await AskAsync([.. "no JSON\n"u8]));
        Assert.Equal(2, JsonSerializer.Deserialize<JsonElement>(await AskAsync([.. "{\"verb\": \"nothing\"}\n"u8])).GetProperty("exit_code").GetInt32());
        _ = await session.Agent.PingAsync(cancellation: TestContext.Current.CancellationToken);

        byte[] Padded(int length) => [.. request[..^1], .. Enumerable.Repeat((byte)' ', length - request.Length + 1), (byte)'\n'];

        async Task<string> AskAsync(byte[] bytes)
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Join(session.RunFolder, "control.sock")), TestContext.Current.CancellationToken);
            using var stream = new NetworkStream(socket);
            var answer = new MemoryStream();
            try
            {
                await stream.WriteAsync(bytes, TestContext.Current.CancellationToken);
                await stream.CopyToAsync(answer, TestContext.Current.CancellationToken);
            }
            catch (IOException)
            {
                // Closed with bytes unread, as a request that is too long is.
            }
            return Encoding.UTF8.GetString(answer.ToArray());
        }
    }

    [Fact]
    public async Task Strace_shows_no_plaintext_written_to_a_file_of_the_host()
    {
        await using PodCopy copy = await pod.CopyAsync();
        string trace = copy.Folder["strace"];
        var late = new Canaries();
        var traced = new TestHost(copy.InRam["run"], copy.Pod, null,
            "strace", "-DDD", "-f", "-ff", "-y", "-s", "0", "-o", trace, "-e", "signal=none", "-e",
            "trace=write,pwrite64,writev,pwritev,pwritev2,sendfile,copy_file_range,splice");
        await using (TestSession session = await traced.StartAsync("resume", BasePod.Session, []))
        {
            await session.Agent.PlantAsync(late, "/root/late");
            _ = await GuestWork.DoAsync(session.Agent, mebibytes: 1, rows: 10);
            await PodCopy.EndAsync(session);
        }
        // Every file that was written to by hostguard, its watchdog and QEMU; all those of a disk are then searched for the canaries.
        HashSet<string> written = [.. Directory.GetFiles(copy.Folder.FullPath, "strace.*").SelectMany(File.ReadLines)
            .Select(line => Written().Match(line)).Where(m => m.Success).Select(m => m.Groups[1].Value)];
        Assert.Contains(written, path => path.StartsWith(copy.Pod, StringComparison.Ordinal));
        // The mount as QEMU sees it in its jail: the one file that gets plaintext, which shows that the trace would see others.
        Assert.True(written.Remove("/vm/disk"));
        string[] outside = [.. written.Where(path => path.StartsWith('/') && !path.StartsWith(copy.Pod, StringComparison.Ordinal)
            && !path.StartsWith(copy.InRam.FullPath, StringComparison.Ordinal) && !path.StartsWith("/dev/", StringComparison.Ordinal)
            && !path.StartsWith("/proc/", StringComparison.Ordinal) && !path.StartsWith("/sys/", StringComparison.Ordinal)
            && !path.StartsWith("/memfd:", StringComparison.Ordinal) && !path.StartsWith("/run/vmpod", StringComparison.Ordinal))];
        Assert.Empty(outside);
        var search = new CanarySearch([.. pod.Canaries.Patterns, .. late.Patterns]);
        search.PlantControl(copy.Folder["control"]);
        Assert.Equal(1, search.Folder(copy.Folder.FullPath) + search.Folder(copy.InRam.FullPath));
    }

    private static Task<CliResult> HeadAsync(CliRunner inside, int uid, string file)
    {
        string user = uid.ToString(CultureInfo.InvariantCulture);
        return inside.RunAsync([SystemTools.Find("setpriv"), "--reuid", user, "--regid", user, "--clear-groups", "/usr/bin/head", "-c", "16", file]);
    }

    [GeneratedRegex(@"^\w+\(\d+<([^>]*)>")]
    private static partial Regex Written();
}
