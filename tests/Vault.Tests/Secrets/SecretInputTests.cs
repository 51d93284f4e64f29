using System.Runtime.Versioning;
using System.Text;
using VmPod.Foundation;
using VmPod.Secrets;
using Xunit;

namespace VmPod.Vault.Tests.Secrets;

[Collection(SecretsCollection.Name)]
[Trait("Threat", "T-06")]
[SupportedOSPlatform("linux")]
public sealed class SecretInputTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("vmpod-secret-input-");

    public void Dispose() => folder.Delete(recursive: true);

    private string Write(string name, ReadOnlySpan<byte> content, UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite)
    {
        string path = Path.Combine(folder.FullName, name);
        File.WriteAllBytes(path, content);
        File.SetUnixFileMode(path, mode);
        return path;
    }

    private static void AssertSecret(ReadOnlySpan<byte> expected, SecretBuffer actual)
    {
        using (actual)
            Assert.Equal(expected.ToArray(), actual.Bytes.ToArray());
    }

    [Theory]
    [InlineData("4711", "4711")]
    [InlineData("4711\n", "4711")]
    [InlineData("4711\n\n", "4711\n")]
    [InlineData(" 47 11 ", " 47 11 ")]
    [InlineData("größe\n", "größe")]
    public void A_file_is_taken_as_it_is_but_for_one_newline_at_the_end(string content, string secret) =>
        AssertSecret(Encoding.UTF8.GetBytes(secret), SecretInput.ReadFile(Write("pin", Encoding.UTF8.GetBytes(content))));

    [Fact]
    public void The_longest_secret_is_1024_bytes_with_or_without_a_newline()
    {
        byte[] longest = new byte[1025];
        longest.AsSpan().Fill((byte)'x');
        longest[1024] = (byte)'\n';
        AssertSecret(longest.AsSpan(0, 1024), SecretInput.ReadFile(Write("a", longest)));
        AssertSecret(longest.AsSpan(0, 1024), SecretInput.ReadFile(Write("b", longest.AsSpan(0, 1024))));
        longest[1024] = (byte)'x';
        Assert.Equal(ExitCode.Usage, Refusal(Write("c", longest)));
        Assert.Equal(ExitCode.Usage, Refusal(Write("d", new byte[100_000])));
    }

    [Fact]
    public void An_empty_or_missing_file_or_a_folder_is_an_error_with_its_exit_code()
    {
        Assert.Equal(ExitCode.Refused, Refusal(Write("empty", [])));
        Assert.Equal(ExitCode.Refused, Refusal(Write("newline", "\n"u8)));
        Assert.Equal(ExitCode.NotFound, Refusal(Path.Combine(folder.FullName, "absent")));
        Assert.Equal(ExitCode.NotFound, Refusal(Path.Combine(folder.FullName, "absent", "pin")));
        Assert.Equal(ExitCode.Refused, Refusal(folder.FullName));
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.OtherRead)]
    [Trait("Threat", "T-16")]
    public void A_file_that_others_may_read_is_refused(UnixFileMode open)
    {
        string path = Write("pin", "4711"u8, UnixFileMode.UserRead | open);
        Assert.Equal(ExitCode.Refused, Refusal(path));
        File.SetUnixFileMode(path, UnixFileMode.UserRead);
        AssertSecret("4711"u8, SecretInput.ReadFile(path));
    }

    [Fact]
    public async Task A_pipe_is_taken_whatever_its_mode_is()
    {
        string path = Path.Combine(folder.FullName, "fifo");
        Assert.Equal(0, Interop.mkfifo(path, 0x1A4));
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        Task writer = Task.Run(() => File.WriteAllText(path, "4711\n"), TestContext.Current.CancellationToken);
        AssertSecret("4711"u8, SecretInput.ReadFile(path));
        await writer;
    }

    [Fact]
    public void A_descriptor_given_by_the_caller_is_taken()
    {
        string path = Write("pin", "4711\n"u8, UnixFileMode.UserRead | UnixFileMode.OtherRead);
        Assert.Equal(ExitCode.Refused, Refusal(path));
        using var file = File.OpenHandle(path);
        AssertSecret("4711"u8, SecretInput.ReadFile($"/dev/fd/{file.DangerousGetHandle()}"));
    }

    [Fact]
    public void A_dash_is_standard_input()
    {
        int before = Interop.dup(0);
        string path = Write("pin", "4711\n"u8, UnixFileMode.UserRead | UnixFileMode.OtherRead);
        using (var file = File.OpenHandle(path))
            Assert.Equal(0, Interop.dup2((int)file.DangerousGetHandle(), 0));
        try
        {
            AssertSecret("4711"u8, SecretInput.ReadFile("-"));
        }
        finally
        {
            Assert.Equal(0, Interop.dup2(before, 0));
            Assert.Equal(0, Interop.close(before));
        }
    }

    [Fact]
    public void What_was_read_stands_once_in_memory_and_nowhere_after_dispose()
    {
        var canary = new Canary();
        string path = Path.Combine(folder.FullName, "pin");
        using (SecretBuffer source = SecretBuffer.Create(Canary.Length, canary.WriteTo))
        using (var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
            file.Write(source.Bytes);
        File.SetUnixFileMode(path, UnixFileMode.UserRead);
        SecretBuffer secret = SecretInput.ReadFile(path);
        Assert.Equal(1, canary.CountInWritableMemory());
        secret.Dispose();
        Assert.Equal(0, canary.CountInWritableMemory());
    }

    [Fact]
    [Trait("Threat", "T-16")]
    public async Task The_terminal_shows_the_prompt_and_never_the_answer_and_echoes_again_afterwards()
    {
        using var terminal = new Pty();
        terminal.Type("ordinary"u8);
        terminal.WaitForScreen("ordinary");
        Task<SecretBuffer> answer = Ask(terminal);
        terminal.WaitForScreen("PIN: ");
        terminal.Type("4711\r"u8);
        SecretBuffer read = await answer;
        AssertSecret("4711"u8, read);
        terminal.WaitForScreen("PIN: \r\n");
        Assert.DoesNotContain("4711", terminal.Screen);
        terminal.Type("echoed"u8);
        terminal.WaitForScreen("echoed");
    }

    [Theory]
    [InlineData("471x\u007f1\n", "4711")]
    [InlineData("x\b\b\b4711\n", "4711")]
    [InlineData("47ü\u007f11\n", "4711")]
    [InlineData("wrong\u00154711\n", "4711")]
    [InlineData("4711\u0004", "4711")]
    public async Task Backspace_takes_one_character_and_Ctrl_U_all(string keys, string secret)
    {
        using var terminal = new Pty();
        Task<SecretBuffer> answer = Ask(terminal);
        terminal.WaitForScreen("PIN: ");
        terminal.Type(Encoding.UTF8.GetBytes(keys));
        SecretBuffer read = await answer;
        AssertSecret(Encoding.UTF8.GetBytes(secret), read);
    }

    [Theory]
    [InlineData("47\u0003")]
    [InlineData("\u0004")]
    [InlineData("\n")]
    public async Task Ctrl_C_ends_the_question_and_the_echo_is_back(string keys)
    {
        using var terminal = new Pty();
        Task<SecretBuffer> answer = Ask(terminal);
        terminal.WaitForScreen("PIN: ");
        terminal.Type(Encoding.UTF8.GetBytes(keys));
        Assert.Equal(ExitCode.Refused, (await Assert.ThrowsAsync<VmPodException>(() => answer)).ExitCode);
        terminal.Type("echoed"u8);
        terminal.WaitForScreen("echoed");
    }

    [Fact]
    public void Without_a_terminal_the_hint_names_the_file()
    {
        var e = Assert.Throws<VmPodException>(() => SecretInput.ReadTerminal("PIN: ", Path.Combine(folder.FullName, "no-tty")));
        Assert.Equal(ExitCode.Usage, e.ExitCode);
        Assert.Contains("--pin-file", e.Hint);
    }

    private static Task<SecretBuffer> Ask(Pty terminal) => Task.Run(() => SecretInput.ReadTerminal("PIN: ", terminal.Device));

    private static ExitCode Refusal(string path) => Assert.Throws<VmPodException>(() => SecretInput.ReadFile(path)).ExitCode;
}
