using System.Diagnostics;
using System.Text;
using System.Text.Json;
using VmPod.Testing;
using Xunit;

namespace VmPod.PodKeeper.Tests.Cli;

/// <summary>Recovery words on the command line.</summary>
public sealed class RecoverCliTests : IDisposable
{
    private const string OldPassphrase = "the old passphrase", NewPassphrase = "a new passphrase";
    private readonly TempFolder temp = new();

    public RecoverCliTests()
    {
        Write("pin", OldPassphrase);
        Write("new", NewPassphrase);
        File.WriteAllText(Path.Combine(temp.Sub("files"), "a.txt"), "some bytes");
    }

    private string Pod => temp["pod"];

    public void Dispose()
    {
        if (File.Exists(Path.Combine(Pod, "vault.json")))
            PodKeeperProgram.Run("lock", Pod);
        temp.Dispose();
    }

    [Fact]
    [Trait("Spec", "P-70")]
    [Trait("Spec", "P-71")]
    public void A_pod_whose_passphrase_and_secrets_are_lost_comes_back_with_its_words()
    {
        JsonElement made = Init("--words-file", temp["words"]).Json;
        Assert.True(made.GetProperty("recovery").GetBoolean());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(temp["words"]));
        string words = File.ReadAllText(temp["words"]);
        Assert.Equal(24, words.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.True(Status().GetProperty("recovery").GetBoolean());
        PodKeeperProgram.Run("put", Pod, "work", temp["files"], "--pin-file", temp["pin"]).Expect(0);
        PodKeeperProgram.Run("unlock", Pod, "--pin-file", temp["pin"]).Expect(0);
        Directory.Delete(Path.Combine(Pod, "v1/nv"), recursive: true);
        Directory.Delete(Path.Combine(Pod, "v1/slots"), recursive: true);
        PodKeeperProgram.Run("get", Pod, "work", temp["no"], "--pin-file", temp["pin"]).Expect(4);

        PodKeeperProgram.Result recovered = PodKeeperProgram.Run("recover", Pod, "--words-file", temp["words"], "--pin-file", temp["new"],
            "--argon-memory", "8", "--json").Expect(0);
        Assert.Equal(0, recovered.Json.GetProperty("leases_ended").GetInt32());
        // The agent that had the old key is gone: without --pin-file there is nobody to ask.
        PodKeeperProgram.RunAs(["setsid", "--wait"], "get", Pod, "work", temp["no"]).Expect(4);
        PodKeeperProgram.Run("get", Pod, "work", temp["no"], "--pin-file", temp["pin"]).Expect(4);
        PodKeeperProgram.Run("get", Pod, "work", temp["out"], "--pin-file", temp["new"]).Expect(0);
        Assert.Equal("some bytes", File.ReadAllText(temp["out", "a.txt"]));
        PodKeeperProgram.Run("verify", Pod, "--deep", "--pin-file", temp["new"]).Expect(0);
        PodKeeperProgram.Run("audit", "verify", Pod).Expect(0);
        string events = PodKeeperProgram.Run("audit", "show", Pod, "--json").Expect(0).Output;
        Assert.Contains("\"passphrase-change\"", events, StringComparison.Ordinal);
        foreach (string file in Directory.GetFiles(Pod, "*", SearchOption.AllDirectories))
            Assert.True(File.ReadAllBytes(file).AsSpan().IndexOf(Encoding.ASCII.GetBytes(words.Trim())) < 0, file);
    }

    [Fact]
    [Trait("Spec", "P-70")]
    [Trait("Threat", "T-16")]
    public void Words_are_in_no_output_and_without_a_terminal_none_are_made()
    {
        PodKeeperProgram.Result made = Init();
        Assert.False(made.Json.GetProperty("recovery").GetBoolean());
        Assert.False(Status().GetProperty("recovery").GetBoolean());
        PodKeeperProgram.Run("words", Pod, "--pin-file", temp["pin"]).Expect(2);
        PodKeeperProgram.Run("recover", Pod, "--words-file", temp["pin"], "--pin-file", temp["new"]).Expect(4);
        PodKeeperProgram.Result given = PodKeeperProgram.Run("words", Pod, "--words-file", temp["words"], "--pin-file", temp["pin"]).Expect(0);
        Assert.True(Status().GetProperty("recovery").GetBoolean());
        string[] words = File.ReadAllText(temp["words"]).Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        // Three in a row: one or two may stand in any English text.
        Assert.DoesNotContain(string.Join(' ', words[..3]), given.Output + given.Errors, StringComparison.Ordinal);
        // A file that is there is somebody's.
        PodKeeperProgram.Run("words", Pod, "--words-file", temp["words"], "--pin-file", temp["pin"]).Expect(4);
        Assert.Equal(words, File.ReadAllText(temp["words"]).Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    [Trait("Spec", "P-70")]
    public void An_init_that_fails_leaves_no_words_behind_and_no_recovery_is_a_choice()
    {
        PodKeeperProgram.Run("init", Pod, "--words-file", temp["words"], "--no-recovery", "--pin-file", temp["pin"]).Expect(2);
        Init("--no-recovery");
        PodKeeperProgram.Run("init", Pod, "--words-file", temp["words"], "--pin-file", temp["pin"]).Expect(4);
        Assert.False(File.Exists(temp["words"]));
    }

    [Fact]
    [Trait("Spec", "P-71")]
    public void Wrong_replaced_and_misspelled_words_are_refused_and_counted()
    {
        Init("--words-file", temp["words"]);
        PodKeeperProgram.Run("words", Pod, "--words-file", temp["newer"], "--pin-file", temp["pin"]).Expect(0);
        Assert.Contains("replaced", Recover(4, "words"), StringComparison.Ordinal);
        Write("bad", File.ReadAllText(temp["newer"]).Replace(' ', '\n') + "\nzebra");
        Assert.Contains("25 words", Recover(4, "bad"), StringComparison.Ordinal);
        Write("bad", "frobnicate " + File.ReadAllText(temp["newer"]));
        Assert.Contains("Word 1 ", Recover(4, "bad"), StringComparison.Ordinal);
        File.SetUnixFileMode(temp["newer"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        _ = Recover(4, "newer");
        File.SetUnixFileMode(temp["newer"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Equal(1, Status().GetProperty("failed_unlocks").GetInt32());
        PodKeeperProgram.Run("put", Pod, "work", temp["files"], "--pin-file", temp["pin"]).Expect(0);
        _ = Recover(0, "newer");
        Assert.Equal(0, Status().GetProperty("failed_unlocks").GetInt32());
    }

    [Fact]
    [Trait("Spec", "P-70")]
    [Trait("Spec", "P-71")]
    public void On_a_terminal_words_are_shown_once_and_asked_for_one_by_one()
    {
        string[] shown;
        using (var terminal = new Terminal("init", Pod, "--argon-memory", "8", "--pin-file", temp["pin"]))
        {
            terminal.WaitFor("24 ");
            shown = [.. terminal.Finish(0).Split((char[])[' ', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries)];
        }
        string[] words = [.. Enumerable.Range(1, 24).Select(i => shown[Array.LastIndexOf(shown, $"{i}") + 1])];
        Directory.Delete(Path.Combine(Pod, "v1/nv"), recursive: true);
        using (var terminal = new Terminal("recover", Pod, "--argon-memory", "8", "--pin-file", temp["new"]))
        {
            terminal.WaitFor("Word 1 of 24: ");
            terminal.Type(words[0]);
            terminal.WaitFor("Word 2 of 24: ");
            terminal.Type("frobnicate");
            terminal.WaitFor("Word 2 is not in the list");
            terminal.WaitFor("from word 2 on.\r\nWord 2 of 24: ");
            terminal.Type(string.Join(' ', words[1..23]));
            terminal.WaitFor("Word 24 of 24: ");
            terminal.Type(words[23]);
            string said = terminal.Finish(0);
            // Not one word: "word" and "list" are in the list. What is echoed comes right after the prompt.
            Assert.DoesNotContain($"Word 24 of 24: {words[23]}", said, StringComparison.Ordinal);
            Assert.DoesNotContain(string.Join(' ', words[1..4]), said, StringComparison.Ordinal);
        }
        PodKeeperProgram.Run("put", Pod, "work", temp["files"], "--pin-file", temp["new"]).Expect(0);
    }

    private string Recover(int exitCode, string words) => PodKeeperProgram.Run("recover", Pod, "--words-file", temp[words], "--pin-file", temp["new"],
        "--argon-memory", "8").Expect(exitCode).Errors;

    private PodKeeperProgram.Result Init(params string[] more) =>
        PodKeeperProgram.Run(["init", Pod, "--argon-memory", "8", "--pin-file", temp["pin"], "--json", .. more]).Expect(0);

    private JsonElement Status() => PodKeeperProgram.Run("status", Pod, "--json").Expect(0).Json;

    private void Write(string name, string secret)
    {
        File.WriteAllText(temp[name], secret);
        File.SetUnixFileMode(temp[name], UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    /// <summary>podkeeper on a terminal of its own, made by script(1).</summary>
    private sealed class Terminal : IDisposable
    {
        private readonly Process process;
        private readonly StringBuilder screen = new();
        private readonly Task reading;

        internal Terminal(params string[] arguments)
        {
            string command = string.Join(' ', arguments.Prepend(PodKeeperProgram.Path).Select(a => $"'{a}'"));
            process = Process.Start(new ProcessStartInfo("script", ["-qec", command, "/dev/null"])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            })!;
            reading = Task.Run(Read);
        }

        internal void Type(string line)
        {
            process.StandardInput.Write(line + "\n");
            process.StandardInput.Flush();
        }

        internal void WaitFor(string text) => Assert.True(SpinWait.SpinUntil(() => Screen.Contains(text, StringComparison.Ordinal), 120_000),
            $"Never on screen: {text}\n{Screen}");

        internal string Finish(int exitCode)
        {
            Assert.True(process.WaitForExit(120_000), Screen);
            Assert.True(reading.Wait(60_000));
            Assert.True(process.ExitCode == exitCode, Screen);
            return Screen;
        }

        public void Dispose()
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
            process.Dispose();
        }

        private string Screen
        {
            get
            {
                lock (screen)
                    return screen.ToString();
            }
        }

        private void Read()
        {
            char[] some = new char[256];
            for (int read; (read = process.StandardOutput.Read(some)) > 0;)
            {
                lock (screen)
                    screen.Append(some, 0, read);
            }
        }
    }
}
