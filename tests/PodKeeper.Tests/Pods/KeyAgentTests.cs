using System.Diagnostics;
using System.Net.Sockets;
using VmPod.Foundation;
using VmPod.PodKeeper.Agent;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using Xunit;

namespace VmPod.PodKeeper.Tests.Pods;

public sealed class KeyAgentTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // Asks for the key as any program could, and prints how many bytes came back.
    private const string Thief = """
        use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "cannot connect";
        syswrite($s, "k"); my $all = ""; while (sysread($s, my $part, 100)) { $all .= $part } print length($all);
        """;

    [Fact]
    public void A_process_of_the_same_user_gets_the_key_and_the_key_opens_the_pod()
    {
        using var test = new TestPod();
        using var agent = new RunningAgent(test);
        using (Pod pod = test.Open())
        {
            SecretBuffer? root = KeyAgentClient.TryFetch(agent.Runtime, test.VaultId);
            Assert.NotNull(root);
            pod.Vault.UnlockWithRoot(root);
            Assert.True(pod.Vault.IsUnlocked);
        }
        Assert.Null(KeyAgentClient.TryFetch(agent.Runtime, test.VaultId + 1));
    }

    [Fact]
    public void Another_user_is_refused_even_where_the_socket_is_open_to_all()
    {
        using var test = new TestPod();
        using var agent = new RunningAgent(test);
        string socket = agent.Runtime.SocketOf(test.VaultId);
        // Without its own protection by file modes, so that only the question for the peer's user is left.
        const UnixFileMode all = (UnixFileMode)0x1FF;
        File.SetUnixFileMode(test.Temp.FullPath, all);
        File.SetUnixFileMode(agent.Runtime.Path, all);
        File.SetUnixFileMode(socket, all);

        Assert.Equal("33", Run("perl", "-e", Thief, socket));
        Assert.Equal("0", Run("setpriv", "--reuid", "65534", "--clear-groups", "perl", "-e", Thief, socket));
    }

    [Fact]
    public void Socket_and_folder_are_the_users_alone()
    {
        using var test = new TestPod();
        using var agent = new RunningAgent(test);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(agent.Runtime.SocketOf(test.VaultId)));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(agent.Runtime.Path));
        File.SetUnixFileMode(agent.Runtime.Path, (UnixFileMode)0x1ED);
        Assert.Equal(ExitCode.Refused, Assert.Throws<VmPodException>(() => RuntimeFolder.At(agent.Runtime.Path)).ExitCode);
    }

    [Fact]
    public void It_ends_when_its_user_locks_the_pod_and_its_key_is_gone_then()
    {
        using var test = new TestPod();
        using var agent = new RunningAgent(test);
        Assert.True(KeyAgentClient.IsServing(agent.Runtime, test.VaultId));
        Assert.True(KeyAgentClient.TryEnd(agent.Runtime, test.VaultId));
        Assert.Throws<ObjectDisposedException>(() => agent.Root.ReadOnlyBytes.Length);
        Assert.Equal(AgentEnd.Asked, agent.End());
        Assert.False(File.Exists(agent.Runtime.SocketOf(test.VaultId)));
        Assert.False(KeyAgentClient.TryEnd(agent.Runtime, test.VaultId));
    }

    [Fact]
    public void It_ends_when_the_pods_folder_disappears()
    {
        using var test = new TestPod();
        using var agent = new RunningAgent(test);
        Directory.Move(test.Folder, test.Folder + "-away");
        Assert.Equal(AgentEnd.FolderGone, agent.End());
        Assert.Throws<ObjectDisposedException>(() => agent.Root.ReadOnlyBytes.Length);
    }

    [Fact]
    public void It_ends_when_nobody_asked_for_too_long_by_the_clock_on_the_wall_too()
    {
        using var test = new TestPod();
        using var agent = new RunningAgent(test);
        test.Clock.Now += TimeSpan.FromHours(7);
        using (SecretBuffer? root = KeyAgentClient.TryFetch(agent.Runtime, test.VaultId))
            Assert.NotNull(root);
        test.Clock.Now += TimeSpan.FromHours(9);
        Assert.Equal(AgentEnd.Idle, agent.End());
    }

    [Fact]
    public void A_second_agent_of_a_pod_is_refused_and_a_dead_ones_socket_is_replaced()
    {
        using var test = new TestPod();
        using (var agent = new RunningAgent(test))
        {
            SecretBuffer other = SecretBuffer.Random(32);
            Assert.Equal(ExitCode.Busy, Assert.Throws<VmPodException>(
                () => KeyAgent.Listen(agent.Runtime, test.VaultId, other, test.Folder, TimeSpan.FromHours(8), test.Clock)).ExitCode);
            Assert.Throws<ObjectDisposedException>(() => other.ReadOnlyBytes.Length);
            KeyAgentClient.TryEnd(agent.Runtime, test.VaultId);
            agent.End();
            LeaveSocket(agent.Runtime.SocketOf(test.VaultId));
            Assert.False(KeyAgentClient.IsServing(agent.Runtime, test.VaultId));
        }
        using var next = new RunningAgent(test);
        Assert.True(KeyAgentClient.IsServing(next.Runtime, test.VaultId));
    }

    // As a killed agent leaves it: .NET removes the name that it was bound to, so it gets another one meanwhile.
    private static void LeaveSocket(string path)
    {
        using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            socket.Bind(new UnixDomainSocketEndPoint(path + ".a"));
            File.Move(path + ".a", path);
        }
        Assert.True(File.Exists(path));
    }

    private static string Run(params string[] command)
    {
        using Process process = Process.Start(new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return output;
    }

    private sealed class RunningAgent : IDisposable
    {
        private readonly CancellationTokenSource stop = new();
        private readonly Task<AgentEnd> serving;

        internal RunningAgent(TestPod test)
        {
            Runtime = RuntimeFolder.At(test.Temp["run"]);
            using (Pod pod = test.OpenUnlocked(StoreAccess.Read))
                Root = pod.Vault.CopyRoot();
            KeyAgent agent = KeyAgent.Listen(Runtime, test.VaultId, Root, test.Folder, TimeSpan.FromHours(8), test.Clock);
            serving = Task.Factory.StartNew(
                () => agent.Serve(stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }

        internal RuntimeFolder Runtime { get; }

        internal SecretBuffer Root { get; }

        internal AgentEnd End() => serving.Wait(Patience) ? serving.Result : throw new TimeoutException("The agent did not end.");

        public void Dispose()
        {
            stop.Cancel();
            serving.Wait(Patience);
            stop.Dispose();
        }
    }
}
