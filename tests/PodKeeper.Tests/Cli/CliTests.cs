using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using VmPod.PodKeeper.Tests.Pods;
using VmPod.Testing;
using Xunit;

namespace VmPod.PodKeeper.Tests.Cli;

public sealed class CliTests : IDisposable
{
    private const string Canary = "canary-passphrase-7d1f";
    private readonly TempFolder temp = new();

    public CliTests()
    {
        Write("pin", Canary);
        Write("wrong", "some other passphrase");
        temp.Sub("files");
        File.WriteAllBytes(temp["files", "disk"], RandomNumberGenerator.GetBytes(300_000));
        using (FileStream sparse = File.Create(temp["files", "memory"]))
            sparse.SetLength(50_000_000);
        File.WriteAllText(temp["files", "disk.lck"], "lock");
    }

    private string Pod => temp["pod"];

    private string Pin => temp["pin"];

    public void Dispose()
    {
        if (File.Exists(Path.Combine(Pod, "vault.json")))
            PodKeeperProgram.Run("lock", Pod);
        temp.Dispose();
    }

    [Fact]
    [Trait("Spec", "V-154")]
    public void A_session_that_was_told_to_store_its_chunks_alone_goes_on_doing_so()
    {
        Init();
        byte[] data = new byte[4 << 20];
        new Random(1).NextBytes(data);
        long Put(string session, params IReadOnlyList<string> options) => PodKeeperProgram.Run(["put", Pod, session, temp["files"], "--pin-file", Pin,
            "--json", .. options]).Expect(0).Json.GetProperty("bytes_added").GetInt64();
        File.WriteAllBytes(temp["files", "first.vmem"], data);
        Put("usual");
        Put("alone", "--oracle", "off");
        // The same data again, in a later generation: of one put's own chunks those that are encoded at the same time do not know of each other.
        File.WriteAllBytes(temp["files", "second.vmem"], data);
        long usual = Put("usual"), alone = Put("alone");
        Assert.True(usual < data.Length / 8, $"{usual} bytes");
        Assert.True(alone >= data.Length, $"{alone} bytes");
        PodKeeperProgram.Run("put", Pod, "alone", temp["files"], "--pin-file", Pin, "--oracle", "on").Expect(2);
    }

    [Fact]
    public void What_is_put_comes_back_and_every_verb_prints_one_object()
    {
        Init();
        JsonElement put = PodKeeperProgram.Run("put", Pod, "work", temp["files"], "--pin-file", Pin, "--json").Expect(0).Json;
        Assert.Equal("work", put.GetProperty("session").GetString());
        Assert.Equal(1, put.GetProperty("generation").GetInt32());
        Assert.Equal(300_000, put.GetProperty("bytes_read").GetInt64());
        Assert.Equal(2, put.GetProperty("files").GetInt32());
        Assert.Equal("disk.lck", Assert.Single(put.GetProperty("left_out").EnumerateArray()).GetString());
        foreach (string name in new[] { "cells_added", "bytes_added", "chunks_stored", "chunks_unchanged", "chunks_zero", "wall_s" })
            Assert.Equal(JsonValueKind.Number, put.GetProperty(name).ValueKind);
        JsonElement again = PodKeeperProgram.Run("put", Pod, "work", temp["files"], "--pin-file", Pin, "--json").Expect(0).Json;
        Assert.Equal(0, again.GetProperty("chunks_stored").GetInt64());

        JsonElement got = PodKeeperProgram.Run("get", Pod, "work@1", temp["out"], "--pin-file", Pin, "--json").Expect(0).Json;
        Assert.Equal(1, got.GetProperty("generation").GetInt32());
        Assert.Equal(File.ReadAllBytes(temp["files", "disk"]), File.ReadAllBytes(temp["out", "disk"]));
        Assert.Equal(50_000_000, new FileInfo(temp["out", "memory"]).Length);

        JsonElement locked = PodKeeperProgram.Run("sessions", Pod, "--json").Expect(0).Json.GetProperty("sessions")[0];
        Assert.Equal(JsonValueKind.Null, locked.GetProperty("name").ValueKind);
        JsonElement open = PodKeeperProgram.Run("sessions", Pod, "work", "--pin-file", Pin,
            "--json").Expect(0).Json.GetProperty("sessions")[0];
        Assert.Equal("work", open.GetProperty("name").GetString());
        Assert.Equal("none", open.GetProperty("lease").GetString());
        Assert.Equal(1, open.GetProperty("generations")[1].GetProperty("parent").GetInt32());
        Assert.Equal("put", open.GetProperty("generations")[1].GetProperty("label").GetString());

        JsonElement verified = PodKeeperProgram.Run("verify", Pod, "--json").Expect(0).Json;
        Assert.True(verified.GetProperty("sound").GetBoolean());
        Assert.Empty(verified.GetProperty("damaged").EnumerateArray());
        JsonElement deep = PodKeeperProgram.Run("verify", Pod, "--deep", "--pin-file", Pin, "--json").Expect(0).Json.GetProperty("deep");
        Assert.Equal(2, deep.GetProperty("generations").GetInt32());

        JsonElement status = PodKeeperProgram.Run("status", Pod, "--json").Expect(0).Json;
        Assert.False(status.GetProperty("unlocked").GetBoolean());
        Assert.Equal(1, status.GetProperty("sessions").GetInt32());
        Assert.StartsWith("nobody", status.GetProperty("freshness").GetString(), StringComparison.Ordinal);
        Assert.False(PodKeeperProgram.Run("release", Pod, "work", "--pin-file", Pin,
            "--json").Expect(0).Json.GetProperty("was_open").GetBoolean());

        string handle = open.GetProperty("handle").GetString()!;
        JsonElement shown = PodKeeperProgram.Run("audit", "show", Pod, "--event", "put", "--session", handle, "--json").Expect(0).Json;
        Assert.Equal(2, shown.GetProperty("entries").GetArrayLength());
        Assert.True(PodKeeperProgram.Run("audit", "verify", Pod, "--json").Expect(0).Json.GetProperty("intact").GetBoolean());
    }

    [Theory]
    [InlineData("1", 1)]
    [InlineData("2", 2)]
    [Trait("Spec", "V-115")]
    public void A_pod_has_the_suite_that_it_was_made_with(string suite, int expected)
    {
        Assert.Equal(2, ErrorCode(2, "init", Pod, "--suite", "3", "--pin-file", Pin));
        JsonElement made = PodKeeperProgram.Run("init", Pod, "--argon-memory", "8", "--suite", suite, "--pin-file", Pin, "--json").Expect(0).Json;
        Assert.Equal(expected, made.GetProperty("suite").GetInt32());
        Assert.Equal(expected, PodKeeperProgram.Run("status", Pod, "--json").Expect(0).Json.GetProperty("suite").GetInt32());
        PodKeeperProgram.Run("put", Pod, "work", temp["files"], "--pin-file", Pin).Expect(0);
        Assert.Equal(expected, File.ReadAllBytes(Path.Combine(Pod, "v1/segments/000000.seg"))[4]);
        PodKeeperProgram.Run("get", Pod, "work", temp["out"], "--pin-file", Pin).Expect(0);
        Assert.Equal(File.ReadAllBytes(temp["files", "disk"]), File.ReadAllBytes(temp["out", "disk"]));
        PodKeeperProgram.Run("verify", Pod, "--deep", "--pin-file", Pin).Expect(0);
    }

    [Fact]
    public void While_a_pod_is_unlocked_no_verb_asks_and_after_lock_each_does()
    {
        Init();
        JsonElement unlocked = PodKeeperProgram.Run("unlock", Pod, "--pin-file", Pin, "--json").Expect(0).Json;
        Assert.False(unlocked.GetProperty("was_unlocked").GetBoolean());
        Assert.True(PodKeeperProgram.Run("unlock", Pod, "--json").Expect(0).Json.GetProperty("was_unlocked").GetBoolean());
        Assert.True(PodKeeperProgram.Run("status", Pod, "--json").Expect(0).Json.GetProperty("unlocked").GetBoolean());
        PodKeeperProgram.Run("put", Pod, "work", temp["files"]).Expect(0);
        PodKeeperProgram.Run("get", Pod, "work", temp["out"]).Expect(0);

        using (Process agent = Process.GetProcessById(unlocked.GetProperty("agent_pid").GetInt32()))
        {
            Assert.True(PodKeeperProgram.Run("lock", Pod, "--json").Expect(0).Json.GetProperty("logged").GetBoolean());
            Assert.True(agent.WaitForExit(60_000));
        }
        // There is no terminal here to ask on.
        PodKeeperProgram.RunAs(["setsid", "--wait"], "put", Pod, "work", temp["files"]).Expect(4);
        PodKeeperProgram.Run("unlock", Pod, "--pin-file", temp["wrong"], "--json").Expect(4);
        Assert.False(PodKeeperProgram.Run("status", Pod, "--json").Expect(0).Json.GetProperty("unlocked").GetBoolean());
        Assert.Equal(1, PodKeeperProgram.Run("status", Pod, "--json").Json.GetProperty("failed_unlocks").GetInt32());
    }

    [Fact]
    public void Each_failure_has_its_exit_code_in_text_and_in_json()
    {
        Assert.Equal(2, ErrorCode(2, "frobnicate"));
        Assert.Equal(2, ErrorCode(2, "put", Pod));
        Assert.Equal(3, ErrorCode(3, "status", Pod));
        Assert.Equal(2, ErrorCode(2, "init", Pod, "--cell-size", "17", "--pin-file", Pin));
        Write("short", "1234");
        Assert.Equal(4, ErrorCode(4, "init", Pod, "--pin-file", temp["short"]));
        Assert.False(File.Exists(Path.Combine(Pod, "vault.json")));
        Init();
        Assert.Equal(4, ErrorCode(4, "init", Pod, "--pin-file", Pin));
        Assert.Equal(3, ErrorCode(3, "get", Pod, "work", temp["out"], "--pin-file", Pin));
        Assert.Equal(4, ErrorCode(4, "put", Pod, "work", temp["files"], "--pin-file", temp["wrong"]));
        Assert.Equal(3, ErrorCode(3, "put", Pod, "work", temp["nothing"], "--pin-file", Pin));
        Assert.Equal(2, ErrorCode(2, "get", Pod, "work@newest", temp["out"], "--pin-file", Pin));
        Assert.Equal(2, ErrorCode(2, "audit", "show", Pod, "--event", "nonsense"));
        File.SetUnixFileMode(Pin, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        Assert.Equal(4, ErrorCode(4, "put", Pod, "work", temp["files"], "--pin-file", Pin));
        File.SetUnixFileMode(Pin, UnixFileMode.UserRead | UnixFileMode.UserWrite);

        PodKeeperProgram.Run("put", Pod, "work", temp["files"], "--pin-file", Pin).Expect(0);
        PodTests.Damage(Pod);
        JsonElement damaged = PodKeeperProgram.Run("verify", Pod, "--json").Expect(5).Json.GetProperty("damaged")[0];
        Assert.Equal(0, damaged.GetProperty("segment").GetInt32());
        Assert.Equal(0, damaged.GetProperty("slot").GetInt32());
        Assert.Equal(5, ErrorCode(5, "get", Pod, "work", temp["out"], "--pin-file", Pin));

        PodKeeperProgram.Result text = PodKeeperProgram.Run("status", temp["nothing"]).Expect(3);
        Assert.Equal("", text.Output);
        Assert.StartsWith("podkeeper: ", text.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", text.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_vault_that_another_process_uses_is_busy_and_it_says_who()
    {
        Init();
        using (PodKeeper.Pod other = PodKeeper.Pod.Open(Pod, Vault.Cells.StoreAccess.Write, TimeProvider.System))
        {
            // It has the audit log as well.
            other.Audit.Append(new VmPod.Audit.AuditEvent(VmPod.Audit.AuditKind.PodBoot, VmPod.Audit.AuditOutcome.Ok));
            PodKeeperProgram.Result busy = PodKeeperProgram.Run("sessions", Pod).Expect(6);
            Assert.Contains($"process {Environment.ProcessId}", busy.Errors, StringComparison.Ordinal);
            JsonElement status = PodKeeperProgram.Run("status", Pod, "--json").Expect(0).Json;
            Assert.Equal(Environment.ProcessId, status.GetProperty("in_use_by").GetProperty("pid").GetInt32());
            Assert.Equal(2, status.GetProperty("audit_entries").GetInt64());
            PodKeeperProgram.Run("audit", "verify", Pod).Expect(0);
            Assert.Contains("not in the log", PodKeeperProgram.Run("audit", "show", Pod).Expect(0).Errors, StringComparison.Ordinal);
        }
        PodKeeperProgram.Run("sessions", Pod).Expect(0);
    }

    [Fact]
    public void A_full_pod_ends_with_its_exit_code_and_the_vault_as_it_was()
    {
        temp.Sub("pod");
        Mount("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", Pod);
        try
        {
            Init();
            byte[] before = File.ReadAllBytes(temp["files", "disk"]);
            File.WriteAllBytes(temp["files", "disk"], RandomNumberGenerator.GetBytes(8_000_000));
            PodKeeperProgram.Run("put", Pod, "work", temp["files"], "--pin-file", Pin).Expect(8);
            Assert.Empty(PodKeeperProgram.Run("sessions", Pod, "--json").Expect(0).Json.GetProperty("sessions").EnumerateArray());
            File.WriteAllBytes(temp["files", "disk"], before);
            PodKeeperProgram.Run("put", Pod, "work", temp["files"], "--pin-file", Pin).Expect(0);
            PodKeeperProgram.Run("verify", Pod).Expect(0);
        }
        finally
        {
            // Lazily: what holds a file of it for a moment more must not fail the test.
            Mount("umount", "--lazy", Pod);
        }
    }

    [Fact]
    public void A_user_without_a_place_in_RAM_is_told_so()
    {
        Init();
        File.SetUnixFileMode(temp.FullPath, (UnixFileMode)0x1ED);
        // A copy that the other user can read and run, whatever the modes above the repository are.
        string program = temp.Sub("program");
        foreach (string file in Directory.GetFiles(Path.GetDirectoryName(PodKeeperProgram.Path)!))
            File.Copy(file, Path.Combine(program, Path.GetFileName(file)));
        string[] command = ["setpriv", "--reuid", "65534", "--clear-groups", "env", "-u", "XDG_RUNTIME_DIR",
            Path.Combine(program, "podkeeper"), "unlock", Pod];
        var start = new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardError = true, RedirectStandardInput = true };
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 9, errors);
        Assert.Contains("XDG_RUNTIME_DIR", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_put_that_is_interrupted_leaves_the_vault_as_it_was()
    {
        Init();
        PodKeeperProgram.Run("put", Pod, "work", temp["files"], "--pin-file", Pin).Expect(0);
        using (FileStream big = File.Create(temp["files", "big"]))
        {
            byte[] part = RandomNumberGenerator.GetBytes(1 << 20);
            for (int i = 0; i < 400; i++)
            {
                RandomNumberGenerator.Fill(part.AsSpan(0, 1 << 19));
                big.Write(part);
            }
        }
        Process put = PodKeeperProgram.Start([], "put", Pod, "work", temp["files"], "--pin-file", Pin, "--json");
        string segments = Path.Combine(Pod, "v1", "segments");
        SpinWait.SpinUntil(() => put.HasExited || Directory.GetFiles(segments).Sum(f => new FileInfo(f).Length) > 4 << 20, 60_000);
        Assert.False(put.HasExited);
        Assert.Equal(0, Kill(put.Id, 2));
        PodKeeperProgram.Result result = PodKeeperProgram.Finish(put).Expect(130);
        Assert.Equal(130, result.Json.GetProperty("error").GetProperty("code").GetInt32());
        JsonElement session = PodKeeperProgram.Run("sessions", Pod, "--json").Expect(0).Json.GetProperty("sessions")[0];
        Assert.Equal(1, session.GetProperty("generations").GetArrayLength());
        Assert.Equal("none", session.GetProperty("lease").GetString());
        PodKeeperProgram.Run("verify", Pod).Expect(0);
    }

    [Fact]
    public void The_passphrase_is_in_no_output_no_file_no_command_line_and_no_environment()
    {
        var said = new StringBuilder();
        void Say(params string[] arguments)
        {
            PodKeeperProgram.Result result = PodKeeperProgram.Run(arguments);
            said.Append(result.Output).Append(result.Errors);
        }
        Say("init", Pod, "--argon-memory", "8", "--pin-file", Pin);
        Say("put", Pod, "work", temp["files"], "--pin-file", Pin);
        Say("put", Pod, "work", temp["nothing"], "--pin-file", Pin, "--json");
        Say("get", Pod, "work", temp["out"], "--pin-file", Pin);
        Say("verify", Pod, "--deep", "--pin-file", Pin);
        PodKeeperProgram.Result unlocked = PodKeeperProgram.Run("unlock", Pod, "--pin-file", Pin, "--json").Expect(0);
        said.Append(unlocked.Output).Append(unlocked.Errors);
        string agent = $"/proc/{unlocked.Json.GetProperty("agent_pid").GetInt32()}";

        // The search finds it where it is.
        Assert.True(Has(Pin));
        Assert.False(Has($"{agent}/cmdline"));
        Assert.False(Has($"{agent}/environ"));
        Assert.Contains("agent", Encoding.UTF8.GetString(File.ReadAllBytes($"{agent}/cmdline")), StringComparison.Ordinal);
        // A process with diagnostics would listen on a socket that dumps its memory; this test program does.
        string socket = $"dotnet-diagnostic-{Path.GetFileName(agent)}-";
        Assert.Contains($"dotnet-diagnostic-{Environment.ProcessId}-", File.ReadAllText("/proc/net/unix"), StringComparison.Ordinal);
        Assert.DoesNotContain(socket, File.ReadAllText("/proc/net/unix"), StringComparison.Ordinal);
        Say("lock", Pod);
        Say("audit", "show", Pod, "--json");
        Assert.Contains("unlock-ok", said.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(Canary, said.ToString(), StringComparison.Ordinal);
        string[] files = Directory.GetFiles(Pod, "*", SearchOption.AllDirectories);
        Assert.True(files.Length > 5);
        Assert.DoesNotContain(files, Has);
    }

    private static void Mount(params string[] command)
    {
        using Process process = Process.Start(new ProcessStartInfo(command[0], command.Skip(1)))!;
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int process, int signal);

    private static bool Has(string path) => File.ReadAllBytes(path).AsSpan().IndexOf(Encoding.UTF8.GetBytes(Canary)) >= 0;

    private static int ErrorCode(int exitCode, params string[] arguments) =>
        PodKeeperProgram.Run([.. arguments, "--json"]).Expect(exitCode).Json.GetProperty("error").GetProperty("code").GetInt32();

    private void Init() => PodKeeperProgram.Run("init", Pod, "--argon-memory", "8", "--pin-file", Pin).Expect(0);

    private void Write(string name, string secret)
    {
        File.WriteAllText(temp[name], secret);
        File.SetUnixFileMode(temp[name], UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }
}
