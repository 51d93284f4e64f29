using System.Globalization;
using System.Security.Cryptography;
using VmPod.Testing;

namespace VmPod.PodKeeper.Tests.Mirrors;

/// <summary>A real sshd on loopback with a configuration, a host key and a user's key of its own; nothing of the machine's is read or changed.</summary>
internal sealed class LocalSshd : IAsyncDisposable
{
    // sshd puts its unprivileged half there; Debian's service makes it at its start.
    private const string SeparationFolder = "/run/sshd";

    private const int Port = 7422;

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(120);

    private readonly CliProcess server;

    private LocalSshd(CliProcess server, string clientConfig) => (this.server, ClientConfig) = (server, clientConfig);

    /// <summary>File for ssh -F: how `there` is reached.</summary>
    internal string ClientConfig { get; }

    /// <summary>What --ssh takes.</summary>
    internal string Command => $"ssh -F {ClientConfig}";

    internal static async Task<LocalSshd> StartAsync(string folder)
    {
        string hostKey = Path.Join(folder, "host_key"), userKey = Path.Join(folder, "user_key");
        var keygen = new CliRunner(SystemTools.Find("ssh-keygen"));
        foreach (string key in (string[])[hostKey, userKey])
            (await keygen.RunAsync(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", key])).MustSucceed();
        if (Environment.IsPrivilegedProcess)
            Directory.CreateDirectory(SeparationFolder, (UnixFileMode)0b111_101_101);
        // An address of its own: no other test listens there, and no connection that goes out takes the port.
        string address = string.Create(CultureInfo.InvariantCulture,
            $"127.{RandomNumberGenerator.GetInt32(1, 255)}.{RandomNumberGenerator.GetInt32(256)}.{RandomNumberGenerator.GetInt32(1, 255)}");
        string config = Path.Join(folder, "sshd_config"), client = Path.Join(folder, "ssh_config"), known = Path.Join(folder, "known_hosts");
        await File.WriteAllTextAsync(config, string.Create(CultureInfo.InvariantCulture, $"""
            ListenAddress {address}:{Port}
            HostKey {hostKey}
            AuthorizedKeysFile {userKey}.pub
            PidFile none
            UsePAM no
            StrictModes no
            PasswordAuthentication no
            PermitRootLogin prohibit-password
            UseDNS no

            """));
        string publicKey = await File.ReadAllTextAsync(hostKey + ".pub");
        await File.WriteAllTextAsync(known, string.Create(CultureInfo.InvariantCulture, $"[{address}]:{Port} {publicKey}"));
        await File.WriteAllTextAsync(client, string.Create(CultureInfo.InvariantCulture, $"""
            Host there
              HostName {address}
              Port {Port}
              User {Environment.UserName}
              IdentityFile {userKey}
              IdentitiesOnly yes
              UserKnownHostsFile {known}
              StrictHostKeyChecking yes
              BatchMode yes

            """));
        CliProcess server = new CliRunner(SystemTools.Find("sshd")).Start(["-D", "-e", "-f", config]);
        await server.WaitForTextAsync("Server listening", StartLimit);
        return new LocalSshd(server, client);
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();
}
