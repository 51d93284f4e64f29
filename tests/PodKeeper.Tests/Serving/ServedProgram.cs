using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using VmPod.PodKeeper.Serving;
using VmPod.PodKeeper.Tests.Cli;
using VmPod.Sync.Channel.Pairings;
using Xunit;

namespace VmPod.PodKeeper.Tests.Serving;

/// <summary>podkeeper serve as a process on loopback, unlocked if there is a passphrase.</summary>
internal sealed class ServedProgram : IDisposable
{
    internal ServedProgram(string pod, string? pinFile = null, params string[] more)
    {
        Process = PodKeeperProgram.Start([], ["serve", pod, "--listen", "127.0.0.1:0", "--json", .. pinFile is null ? [] : (string[])["--pin-file", pinFile],
            .. more]);
        string? line = Process.StandardOutput.ReadLine();
        Assert.True(line is not null, line is null ? Process.StandardError.ReadToEnd() : "");
        JsonElement ready = JsonDocument.Parse(line!).RootElement;
        Assert.True(ready.TryGetProperty("ready", out JsonElement isReady) && isReady.GetBoolean(), line);
        Address = IPEndPoint.Parse(ready.GetProperty("address").GetString()!);
        // Read, so that it never waits for somebody to do so.
        Errors = Process.StandardError.ReadToEndAsync();
    }

    internal Process Process { get; }

    internal IPEndPoint Address { get; }

    internal Task<string> Errors { get; }

    /// <summary>A pairing that is in the pod's folder.</summary>
    internal static Pairing PairingOf(string pod)
    {
        byte[] bytes = [.. "VPP1"u8, .. RandomNumberGenerator.GetBytes(48), (byte)HostRole.Foreign, .. new byte[8], 4, .. "host"u8];
        Assert.True(Pairing.TryRead(bytes, out Pairing? pairing));
        PairingFolder.Save(PodServer.PairingsOf(pod), pairing!);
        return pairing!;
    }

    /// <summary>SIGKILL, and until it is gone.</summary>
    internal void Kill()
    {
        Process.Kill();
        Process.WaitForExit();
    }

    public void Dispose()
    {
        if (!Process.HasExited)
            Kill();
        Process.Dispose();
    }
}
