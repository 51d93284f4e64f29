using System.Diagnostics;
using System.Text.Json;
using VmPod.Testing;

namespace VmPod.Demo;

/// <summary>The pod is taken away under a running session: what happens, and when.</summary>
/// <param name="StopSeconds">From the removal until the CPUs stood still, by the receipt.</param>
/// <param name="LastAnswerSeconds">From the removal to the guest's last answer.</param>
/// <param name="KeysGoneSeconds">Until the keys were zeroed, by the receipt.</param>
/// <param name="DeadSeconds">Until no process of the session ran.</param>
/// <param name="Receipt">The receipt.</param>
/// <param name="MountIsGone">Whether no process of this machine has the mount any more.</param>
internal sealed record Departure(double StopSeconds, double LastAnswerSeconds, double KeysGoneSeconds, double DeadSeconds, JsonElement Receipt,
    bool MountIsGone)
{
    private static readonly TimeSpan ReceiptLimit = TimeSpan.FromSeconds(60);

    /// <summary>Takes it away.</summary>
    public static async Task<Departure> TakeAwayAsync(Func<Task> takeAway, TestSession session, CancellationToken cancel)
    {
        IReadOnlyList<int> processes = session.Processes;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task<long> answers = LastAnswerAsync(session.Agent, stop.Token);
        // The receipt's clock is the wall clock in ms.
        long gone = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var watch = Stopwatch.StartNew();
        await takeAway();
        while (!File.Exists(session.ReceiptPath))
        {
            if (watch.Elapsed > ReceiptLimit)
                throw new TimeoutException("The pod is gone, and hostguard wrote no receipt.");
            await Task.Delay(20, cancel);
        }
        await TestSession.WaitUntilGoneAsync(processes, ReceiptLimit, cancel);
        double dead = watch.Elapsed.TotalSeconds;
        await stop.CancelAsync();
        JsonElement receipt = JsonSerializer.Deserialize<JsonElement>(await File.ReadAllBytesAsync(session.ReceiptPath, cancel));
        return new Departure(Since("cpus_stopped_ms"), Math.Max(0, (await answers - gone) / 1000.0), Since("keys_gone_ms"), dead, receipt,
            !IsMounted(session.Mount));

        double Since(string moment) => (receipt.GetProperty(moment).GetInt64() - gone) / 1000.0;
    }

    private static async Task<long> LastAnswerAsync(GuestAgent agent, CancellationToken stop)
    {
        long last = 0;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                _ = await agent.PingAsync(TimeSpan.FromSeconds(1), stop);
                last = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
                await Task.Delay(10, stop);
            }
            catch (Exception e)
                 when (e is IOException or TimeoutException or OperationCanceledException or System.Net.Sockets.SocketException or ObjectDisposedException)
            {
                if (e is not TimeoutException)
                    break;
            }
        }
        return last;
    }

    private static bool IsMounted(string folder) => Directory.Exists(folder) || ProcessSnapshot.All().Any(pid =>
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/mountinfo").Contains($" {folder} ", StringComparison.Ordinal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    });
}
