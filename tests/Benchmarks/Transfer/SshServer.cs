using System.Globalization;
using VmPod.Foundation;
using VmPod.Testing;

namespace VmPod.Benchmarks.Transfer;

/// <summary>sshd on the pod's end of a link with a configuration, a host key and a user's key of its own; nothing of the machine's is read or
/// changed.</summary>
internal sealed class SshServer : IAsyncDisposable
{
    /// <summary>Its port.</summary>
    public const int Port = 7422;

    /// <summary>The name of the pod in <see cref="ClientConfig"/>.</summary>
    public const string Pod = "pod";

    // sshd puts its unprivileged half there; Debian's service makes it at its start.
    private const string SeparationFolder = "/run/sshd";
    private const UnixFileMode EmptyFolder = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead
        | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    // The folder is there as long as one server needs it.
    private static readonly Lock Gate = new();
    private static int users;
    private static bool madeFolder;

    private readonly CliProcess server;

    private SshServer(CliProcess server, string clientConfig) => (this.server, ClientConfig) = (server, clientConfig);

    /// <summary>File for ssh -F: how the host reaches <see cref="Pod"/>.</summary>
    public string ClientConfig { get; }

    /// <summary>What it said.</summary>
    public string Errors => server.ErrorsSoFar;

    /// <summary>Versions of what it runs.</summary>
    public static async Task<string> VersionAsync() => (await new CliRunner(Find("ssh")).RunAsync(["-V"])).Errors.Split(',')[0].Trim();

    /// <summary>Starts one.</summary>
    /// <param name="link">Where.</param>
    /// <param name="folder">A folder for keys and configurations, of this user alone.</param>
    public static async Task<SshServer> StartAsync(ShapedLink link, string folder)
    {
        string hostKey = Path.Join(folder, "host_key"), userKey = Path.Join(folder, "user_key");
        var keygen = new CliRunner(Find("ssh-keygen"));
        foreach (string key in (string[])[hostKey, userKey])
            (await keygen.RunAsync(["-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", key])).MustSucceed();
        string config = Path.Join(folder, "sshd_config"), client = Path.Join(folder, "ssh_config"), known = Path.Join(folder, "known_hosts");
        await File.WriteAllTextAsync(config, string.Create(CultureInfo.InvariantCulture, $"""
            ListenAddress {ShapedLink.PodAddress}:{Port}
            HostKey {hostKey}
            AuthorizedKeysFile {userKey}.pub
            PidFile none
            UsePAM no
            StrictModes no
            PasswordAuthentication no
            PermitRootLogin prohibit-password
            UseDNS no
            Subsystem sftp internal-sftp

            """));
        string publicKey = await File.ReadAllTextAsync(hostKey + ".pub");
        await File.WriteAllTextAsync(known, string.Create(CultureInfo.InvariantCulture, $"[{ShapedLink.RelayAddress}]:{Port} {publicKey}"));
        await File.WriteAllTextAsync(client, string.Create(CultureInfo.InvariantCulture, $"""
            Host {Pod}
              HostName {ShapedLink.RelayAddress}
              Port {Port}
              User {Environment.UserName}
              IdentityFile {userKey}
              IdentitiesOnly yes
              UserKnownHostsFile {known}
              StrictHostKeyChecking yes
              Compression no

            """));
        lock (Gate)
        {
            if (users++ == 0 && !Directory.Exists(SeparationFolder))
            {
                Directory.CreateDirectory(SeparationFolder, EmptyFolder);
                madeFolder = true;
            }
        }
        CliProcess server = Self.Inside(new CliRunner(Find("sshd")), link.Pod).Start(["-D", "-e", "-f", config]);
        await server.WaitForTextAsync("Server listening", StartLimit);
        return new SshServer(server, client);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        lock (Gate)
        {
            if (--users > 0 || !madeFolder)
                return;
            Directory.Delete(SeparationFolder);
            madeFolder = false;
        }
    }

    private static string Find(string program)
    {
        try
        {
            return SystemTools.Find(program);
        }
        catch (FileNotFoundException e)
        {
            throw new VmPodException(ExitCode.Missing, $"{program} is missing on this machine.",
                "./vmpod bench installs it as root; or apt-get install it.", e);
        }
    }
}
