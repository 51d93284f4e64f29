using System.ComponentModel;
using System.Diagnostics;
using VmPod.Foundation;
using VmPod.Sync.Mirror;

namespace VmPod.PodKeeper.Mirrors;

/// <summary>A mirror on another machine: the system's ssh runs `podkeeper serve --stdio` there. What ssh asks and says goes to the terminal.</summary>
public sealed class SshLink : IDisposable
{
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(5);

    private readonly Process ssh;

    private SshLink(Process ssh)
    {
        this.ssh = ssh;
        Client = new MirrorClient(ssh.StandardOutput.BaseStream, ssh.StandardInput.BaseStream, this);
    }

    /// <summary>What speaks over it; it ends the link.</summary>
    public MirrorClient Client { get; }

    /// <summary>Connects.</summary>
    /// <param name="place">Where; not a folder of this machine.</param>
    /// <param name="options">The programs.</param>
    /// <exception cref="VmPodException">There is no ssh here (9).</exception>
    public static SshLink Connect(MirrorPlace place, SshOptions options)
    {
        var start = new ProcessStartInfo(options.Ssh[0], [.. options.Ssh.Skip(1), .. place.Arguments(options.RemoteCommand)])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        try
        {
            return new SshLink(Process.Start(start) ?? throw new InvalidOperationException("ssh did not start."));
        }
        catch (Win32Exception e)
        {
            throw new VmPodException(ExitCode.Missing, $"{options.Ssh[0]} cannot be started.", "Install ssh (openssh-client).", e);
        }
    }

    /// <summary>Ends it.</summary>
    public void Dispose()
    {
        try
        {
            ssh.StandardInput.Close();
            if (!ssh.WaitForExit(EndPatience))
                ssh.Kill();
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            // It is gone already.
        }
        ssh.Dispose();
    }
}
