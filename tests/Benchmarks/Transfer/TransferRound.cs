using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using VmPod.Benchmarks.Peers;
using VmPod.Testing;

namespace VmPod.Benchmarks.Transfer;

/// <summary>All steps of all tools over one link, one after the other.</summary>
internal sealed class TransferRound(TransferSession session, TransferLane lane, ShapedLink link, LinkShape shape, string sshFolder, TextWriter log)
{
    /// <summary>The name of what this project measures.</summary>
    public const string Ours = "vmpod";

    // A plain copy keeps its pace: this much of it says how long the rest takes.
    private static readonly TimeSpan PaceTime = TimeSpan.FromSeconds(30);

    // Nobody waits longer for a transfer, least of all who measures twelve links.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(8);

    // H-150: thirty seconds and those of waiting for the link, and what a loaded machine adds.
    private static readonly TimeSpan NotingMax = TimeSpan.FromMinutes(5), CatchUpMax = TimeSpan.FromMinutes(3);

    private static readonly SemaphoreSlim Turn = new(1, 1);

    private readonly List<Measured> found = [];

    /// <summary>Runs it.</summary>
    public async Task<(LinkFound Link, IReadOnlyList<Measured> Times)> RunAsync()
    {
        await link.ShapeAsync(shape);
        await using CliProcess relay = await RelayCommand.StartAsync(link, shape.DelayMs, ServedSession.Port, ServedSession.PairingPort,
            SshServer.Port, LinkProbe.Port);
        LinkFound gives = await LinkProbe.RunAsync(link, shape);
        log.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{shape}: {gives.UpMbit:0.0} and {gives.DownMbit:0.0} Mbit/s to and from the pod, {gives.RoundTripMs:0.0} ms a round trip"));
        await using (SshServer ssh = await SshServer.StartAsync(link, Directory.CreateDirectory(sshFolder).FullName))
        {
            // Of the peers only what they send and receive costs the CPU much; ours makes more of a slow link with it, so that no two of ours run at once.
            int before = Math.Min(lane.PeersFirst, lane.Peers.Count);
            await PeersAsync(lane.Peers.Take(before), relay, ssh);
            await Turn.WaitAsync();
            try
            {
                await using ServedSession served = await ServedSession.StartAsync(session, link);
                await OursAsync(served.Host);
            }
            finally
            {
                Turn.Release();
            }
            await PeersAsync(lane.Peers.Skip(before), relay, ssh);
        }
        Directory.Delete(sshFolder, recursive: true);
        return (gives, found);
    }

    private async Task PeersAsync(IEnumerable<(ITransferPeer Peer, TransferPlace Filled)> peers, CliProcess relay, SshServer ssh)
    {
        foreach ((ITransferPeer peer, TransferPlace filled) in peers)
        {
            try
            {
                await PeerAsync(peer, filled, ssh.ClientConfig);
            }
            catch (InvalidOperationException e)
            {
                throw new InvalidOperationException($"{e.Message}\nrelay: {relay.ErrorsSoFar}\nsshd: {ssh.Errors}", e);
            }
        }
    }

    private async Task OursAsync(TestHost host)
    {
        await TimeAsync(TransferStep.FirstSync, async () =>
            _ = await MustAsync(host.TryWithPodAsync(["adopt", "fresh", "--qemu", session.FreshDisk], Patience)));
        await CompleteAsync(host);
        await VisitAsync(host, TransferStep.ResumeCold, TransferStep.LightSyncFirst);
        await VisitAsync(host, TransferStep.ResumeAgain, TransferStep.LightSync);
        await VisitAsync(host, null, TransferStep.SafeToLeave);
    }

    // A leave notes nothing of what was read first: the visit after it is a first one still.
    private async Task CompleteAsync(TestHost host)
    {
        (long _, long before) = await link.BytesAsync();
        var watch = Stopwatch.StartNew();
        await using TestSession visit = await host.StartAsync("resume", TransferSession.Session, ["--complete"]);
        await UntilAsync(Patience, "all of the session is here", async () => (await visit.StatusAsync()).GetProperty("is_complete").GetBoolean());
        Note(Ours, TransferStep.FullCopy, watch.Elapsed.TotalSeconds, (await link.BytesAsync()).Received - before, MeasuredHow.Whole);
        _ = await TransferSession.EndAsync(visit, "leave");
    }

    // A visit: until the guest answers; what it reads first is noted to the end; light work; the end.
    private async Task VisitAsync(TestHost host, TransferStep? begin, TransferStep end)
    {
        (long _, long before) = await link.BytesAsync();
        int noted = Noted(host);
        await using TestSession visit = await host.StartAsync("resume", TransferSession.Session, []);
        if (begin is { } resume)
            Note(Ours, resume, visit.FirstAnswerAfter.TotalSeconds, (await link.BytesAsync()).Received - before, MeasuredHow.Whole);
        await UntilAsync(NotingMax, "first use is noted", () => Task.FromResult(Noted(host) > noted));
        await TransferSession.WorkLightlyAsync(visit.Agent);
        if (end == TransferStep.SafeToLeave)
        {
            await UntilAsync(CatchUpMax, "live sync caught up", async () => await visit.StatusAsync() is var status
                && status.GetProperty("disk_unsealed_bytes").GetInt64() == 0 && status.GetProperty("sealed_uncommitted_bytes").GetInt64() == 0);
        }
        IReadOnlyList<int> processes = visit.Processes;
        await TimeAsync(end, () => visit.EndAsync());
        await TestSession.WaitUntilGoneAsync(processes, TimeSpan.FromSeconds(30));
    }

    // The log goes on from visit to visit.
    private static int Noted(TestHost host) => !Directory.Exists(host.RunFolder) ? 0 : Directory.GetFiles(host.RunFolder, "log", SearchOption.AllDirectories)
        .Sum(file => File.ReadLines(file).Count(line => line.Contains("First use:", StringComparison.Ordinal)));

    private async Task PeerAsync(ITransferPeer peer, TransferPlace filled, string sshConfig)
    {
        using var work = new TempFolder();
        var place = new TransferPlace(work["host"], work["pod"], sshConfig);
        Command.Run("cp", ["-a", "--sparse=always", filled.HostFolder, place.HostFolder]);
        Command.Run("cp", ["-a", "--sparse=always", filled.PodFolder, place.PodFolder]);
        string into = work.Sub("into");
        await PeerAsync(peer, TransferStep.FirstSync, peer.FirstSync(place, session.FreshDisk), place.PodFolder);
        await PeerAsync(peer, TransferStep.FullCopy, peer.FullCopy(place, lane.Live, into), into);
        Show(lane.Live, session.Next);
        try
        {
            if (peer.LightSync(place, lane.Live) is { } sync)
                await PeerAsync(peer, TransferStep.LightSync, sync, place.PodFolder);
        }
        finally
        {
            Show(lane.Live, session.First);
        }
    }

    /// <summary>Makes a folder show one generation's files: peers know a file's older version by its path.</summary>
    public static void Show(string live, string generation)
    {
        if (Directory.Exists(live))
            Directory.Delete(live, recursive: true);
        Command.Run("cp", ["-rl", generation, live]);
    }

    private async Task PeerAsync(ITransferPeer peer, TransferStep step, TransferCommand command, string durable)
    {
        var runner = new CliRunner(SystemTools.Find(command.Program))
        {
            Environment = command.Environment ?? new Dictionary<string, string?>(),
            WorkingFolder = command.Folder,
        };
        (long sent, long received) = await link.BytesAsync();
        var watch = Stopwatch.StartNew();
        MeasuredHow how = MeasuredHow.Whole;
        double seconds;
        await using (CliProcess process = Self.Inside(runner, link.Host).Start(command.Arguments))
        {
            // What counts of a plain copy begins with its first bytes: an ssh connection over a long way takes a second.
            (long Bytes, double At) begun = (0, 0);
            while (!process.HasExited && watch.Elapsed < Patience && (command.KnownBytes is null || watch.Elapsed < PaceTime))
            {
                await Task.Delay(20);
                if (command.KnownBytes is not null && begun.Bytes == 0 && await MovedAsync(step, sent, received) is var first and > (1 << 20))
                    begun = (first, watch.Elapsed.TotalSeconds);
            }
            if (process.HasExited)
            {
                (await process.WaitAsync(Patience)).MustSucceed();
                Command.Sync(durable);
                seconds = watch.Elapsed.TotalSeconds;
            }
            else
            {
                seconds = watch.Elapsed.TotalSeconds;
                how = MeasuredHow.AtLeast;
                if (command.KnownBytes is { } known && begun.Bytes > 0 && await MovedAsync(step, sent, received) is var moved && moved > begun.Bytes)
                {
                    double pace = (moved - begun.Bytes) / (seconds - begun.At);
                    (seconds, how) = (begun.At + (known - begun.Bytes) / pace, MeasuredHow.ByPace);
                }
            }
        }
        long bytes = how == MeasuredHow.ByPace ? command.KnownBytes!.Value : await MovedAsync(step, sent, received);
        Note(peer.Name, step, seconds, bytes, how);
    }

    private async Task<long> MovedAsync(TransferStep step, long sent, long received)
    {
        (long sentNow, long receivedNow) = await link.BytesAsync();
        return TransferSteps.IsToPod(step) ? sentNow - sent : receivedNow - received;
    }

    private async Task TimeAsync(TransferStep step, Func<Task> act)
    {
        (long sent, long received) = await link.BytesAsync();
        var watch = Stopwatch.StartNew();
        await act();
        Note(Ours, step, watch.Elapsed.TotalSeconds, await MovedAsync(step, sent, received), MeasuredHow.Whole);
    }

    private void Note(string tool, TransferStep step, double seconds, long bytes, MeasuredHow how)
    {
        found.Add(new Measured(tool, step, shape, seconds, bytes, how));
        log.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{shape,-18} {tool,-9} {TransferSteps.NameOf(step),-26} {seconds,8:0.00} s {bytes / 1048576.0,8:0.0} MiB "
                + $"{(how == MeasuredHow.Whole ? "" : how)}"));
    }

    private static async Task UntilAsync(TimeSpan limit, string what, Func<Task<bool>> isSo)
    {
        var watch = Stopwatch.StartNew();
        while (!await isSo())
        {
            if (watch.Elapsed > limit)
                throw new TimeoutException($"Not within {limit.TotalSeconds:0} s: {what}.");
            await Task.Delay(200);
        }
    }

    private static async Task<JsonElement> MustAsync(Task<CliResult> run) => (await run).MustSucceed().Json;
}
