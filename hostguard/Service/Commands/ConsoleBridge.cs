using System.Diagnostics;
using System.Net.Sockets;
using VmPod.Foundation;

namespace VmPod.HostGuard.Commands;

/// <summary>Joins this terminal to a session's serial line.</summary>
internal static class ConsoleBridge
{
    private const byte EndKey = 0x1D; // Ctrl-]

    /// <summary>Runs until Ctrl-], the end of the input, or the end of the session.</summary>
    public static async Task RunAsync(string socketPath, CancellationToken cancel)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancel);
        }
        catch (SocketException e)
        {
            throw new VmPodException(ExitCode.Busy, "The serial line cannot be opened: somebody else has it, or the machine is gone.", null, e);
        }
        bool raw = !Console.IsInputRedirected && SetTerminal("raw", "-echo");
        try
        {
            if (raw)
                await Console.Error.WriteAsync("Connected. Ctrl-] ends.\r\n");
            using var stream = new NetworkStream(socket);
            using Stream input = Console.OpenStandardInput(), output = Console.OpenStandardOutput();
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            Task down = stream.CopyToAsync(output, stop.Token);
            Task up = UpAsync(input, stream, stop.Token);
            await Task.WhenAny(down, up);
            // What the line still says after the end of a redirected input is shown for a moment.
            if (!raw)
                await Task.WhenAny(down, Task.Delay(TimeSpan.FromSeconds(1), cancel));
            await stop.CancelAsync();
        }
        finally
        {
            if (raw)
                _ = SetTerminal("sane");
        }
    }

    private static async Task UpAsync(Stream input, NetworkStream line, CancellationToken cancel)
    {
        byte[] buffer = new byte[256];
        int n;
        while ((n = await input.ReadAsync(buffer, cancel)) > 0)
        {
            int end = buffer.AsSpan(0, n).IndexOf(EndKey);
            await line.WriteAsync(buffer.AsMemory(0, end < 0 ? n : end), cancel);
            if (end >= 0)
                return;
        }
    }

    private static bool SetTerminal(params string[] modes)
    {
        var start = new ProcessStartInfo("stty") { UseShellExecute = false };
        foreach (string mode in modes)
            start.ArgumentList.Add(mode);
        using Process? stty = Process.Start(start);
        stty?.WaitForExit();
        return stty?.ExitCode == 0;
    }
}
