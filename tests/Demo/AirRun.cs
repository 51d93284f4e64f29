using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using VmPod.Testing;

namespace VmPod.Demo;

/// <summary>The demo, top to bottom: the pod is one machine, the hosts are two others. The session walks from one to the other over the link, the link is cut
/// under it, and what the pod had not taken yet is handed in when they meet again.</summary>
internal sealed class AirRun(AirStage stage, DemoReport report)
{
    private const string LastFile = "/root/written-after-the-checkpoint";

    /// <summary>A tip is 30 s old at most (rule 10); twice that, for a machine that does other things.</summary>
    private static readonly TimeSpan SyncLimit = TimeSpan.FromSeconds(60);

    private readonly Walk walk = new(stage, report);
    private string last = "";

    /// <summary>Runs it. What is not as promised stands in the report; what cannot be gone on from is thrown.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        await MakePodAsync(cancel);
        await walk.AdoptAsync(stage.Home, " over the link", cancel);
        Witness before;
        await using (TestSession session = await walk.BootAsync(stage.Home, cancel))
        {
            await ShowLiveSyncAsync(session, cancel);
            await walk.CheckpointUnderLoadAsync(session, cancel);
            before = await walk.SuspendAsync(session, "suspend", cancel);
        }
        await using (TestSession session = await walk.ResumeElsewhereAsync(stage.Away, stage.Air.Hosts[1].Name, before, ["--grace", "0"], cancel))
        {
            await walk.ShowThatTheJudgeSeesAsync(session, cancel);
            stage.Say("work, and a checkpoint");
            walk.Work = await GuestWork.DoAsync(session.Agent, cancellation: cancel);
            await walk.CheckpointAsync(session, "checkpoint at the other host", cancel);
            await CutTheLinkAsync(session, cancel);
        }
        await ReuniteAsync(cancel);
        await GoOnAtHomeAsync(cancel);
        await ShowTheLogAsync(cancel);
        await ShowTheWireAsync(cancel);
        walk.Conclude();
    }

    private async Task MakePodAsync(CancellationToken cancel)
    {
        await stage.SetUpAsync(cancel);
        stage.Say($"three machines, as network namespaces: the pod {stage.PodAddress}, a host at home, a foreign host; tcpdump listens between them");
        var watch = Stopwatch.StartNew();
        await stage.ServeAsync(cancel);
        report.Add("podkeeper init, serve", watch.Elapsed.TotalSeconds, note: "Argon2id twice; the passphrase is read on the pod, nowhere else");
        stage.Say("the pod is unlocked on its own side alone (--pin-file there); pairing, by the code that it shows");
        watch.Restart();
        await stage.PairAsync(stage.Home, "home", cancel);
        await stage.PairAsync(stage.Away, "foreign", cancel);
        report.Add("two hosts paired by code", watch.Elapsed.TotalSeconds, note: "one home, one foreign; from now on they know the pod by its address");
    }

    // A write is on the pod when what is oldest of the writes that are not there is younger than it.
    private async Task ShowLiveSyncAsync(TestSession session, CancellationToken cancel)
    {
        stage.Say("live sync: a flushed write, until it is durable on the pod");
        walk.Work = await GuestWork.DoAsync(session.Agent, cancellation: cancel);
        var since = Stopwatch.StartNew();
        JsonElement status;
        do
        {
            if (since.Elapsed > SyncLimit)
                throw new TimeoutException("What the guest wrote did not reach the pod in time.");
            status = await session.StatusAsync(cancel);
        }
        while (!IsOnPod(status, since.Elapsed.TotalSeconds));
        double? lag = status.TryGetProperty("live_sync_lag_s", out JsonElement said) && said.ValueKind == JsonValueKind.Number ? said.GetDouble() : null;
        report.Set("live_sync_lag_s", lag);
        report.Add("live sync: a flushed write, until it is on the pod", since.Elapsed.TotalSeconds,
            note: string.Create(CultureInfo.InvariantCulture, $"hostguard says {lag:0.0} s from its oldest write to its commit"));
        report.Check(lag is not null, "hostguard does not say how far the pod is behind.");

        static bool IsOnPod(JsonElement status, double elapsed) => status.TryGetProperty("unsynced_s", out JsonElement oldest)
            ? oldest.GetDouble() < elapsed : status.GetProperty("disk_unsealed_bytes").GetInt64() == 0;
    }

    private async Task CutTheLinkAsync(TestSession session, CancellationToken cancel)
    {
        stage.Say("work that no checkpoint will have; the guest goes on writing");
        await session.Agent.PlantAsync(walk.Late, "/root/late-canaries", cancel);
        walk.Work = await GuestWork.DoAsync(session.Agent, cancellation: cancel);
        await GuestWork.KeepWritingAsync(session.Agent, cancel);
        last = await GuestWork.WriteFileAsync(session.Agent, LastFile, cancel);
        walk.ShowThatTheSearchFinds(session);
        stage.Say("the link goes down: ip link set down, in the middle of it");
        Departure departure = await walk.TakeAwayAsync(session, stage.Air.UnplugAsync, cancel);
        foreach (JsonElement sentence in departure.Receipt.GetProperty("not_guaranteed").EnumerateArray())
            stage.Say($"the receipt says: {sentence.GetString()}");
        walk.SearchForResidue([], cancel);
    }

    private async Task ReuniteAsync(CancellationToken cancel)
    {
        JsonElement waiting = await stage.Away.RunAsync(["residues"], cancellation: cancel);
        long bytes = waiting.EnumerateArray().Sum(r => r.GetProperty("bytes").GetInt64());
        report.Set("residue_bytes", bytes);
        stage.Say($"the host keeps {bytes >> 10} KiB of sealed cells that only the pod can open; the link comes up again");
        await stage.Air.PlugAsync();
        var watch = Stopwatch.StartNew();
        JsonElement handed = await stage.Away.RunAsync(["residues", "--hand-in", stage.PodAddress], cancellation: cancel);
        int taken = handed.EnumerateArray().Count(r => r.GetProperty("state").GetString() == "taken");
        bool isTaken = taken > 0 && taken == waiting.GetArrayLength()
            && (await stage.Away.RunAsync(["residues"], cancellation: cancel)).GetArrayLength() == 0;
        report.Set("residue_taken", isTaken);
        report.Check(isTaken, $"Of {waiting.GetArrayLength()} residues the pod took {taken}: {handed}");
        report.Add("link up: the residue is handed in", watch.Elapsed.TotalSeconds, bytes, note: "sealed cells, without a key of the session");
    }

    private async Task GoOnAtHomeAsync(CancellationToken cancel)
    {
        stage.Say("home again: boot from the disk as it was when the link went down");
        await using TestSession session = await stage.Home.StartAsync("boot", Walk.Session, [], cancel);
        await session.Agent.WaitUntilBootedAsync(cancel);
        string found = await GuestWork.SumAsync(session.Agent, LastFile, cancel);
        report.Check(found == last, $"The file that was written after the checkpoint is not on the disk: {found}");
        report.Check(await GuestWork.LookAsync(session.Agent, cancel) == walk.Work, "The guest's work before the link went down is not on the disk.");
        report.Add("boot of the tip, to the guest's first answer", session.FirstAnswerAfter.TotalSeconds,
            note: "what was written after the last checkpoint is there");
        await walk.LeaveAsync(session, cancel);
    }

    private async Task ShowTheLogAsync(CancellationToken cancel)
    {
        stage.Say("the pod's audit log (podkeeper audit show)");
        JsonElement log = await stage.OnPodAsync(cancel, "audit", "show", stage.PodFolder);
        var kinds = log.GetProperty("entries").EnumerateArray().GroupBy(e => e.GetProperty("event").GetString()!).OrderBy(g => g.Key, StringComparer.Ordinal)
            .ToDictionary(g => g.Key, g => g.Count());
        report.Set("audit_entries", kinds);
        report.Check(log.GetProperty("state").GetProperty("intact").GetBoolean(), "The audit log is broken.");
        foreach (string kind in (string[])["host-paired", "lease-opened", "keys-granted", "commit", "wipe-receipt"])
            report.Check(kinds.ContainsKey(kind), $"The audit log has no entry {kind}.");
        report.Add("audit log: whole", null, note: string.Join(", ", kinds.Select(k => $"{k.Key} {k.Value}")));
    }

    private async Task ShowTheWireAsync(CancellationToken cancel)
    {
        stage.Say("what tcpdump heard");
        var control = new Canaries(count: 1);
        await stage.SendInTheClearAsync(control.Patterns[0], cancel);
        long dropped = await stage.Capture.EndAsync(cancel);
        int cellBytes = (await stage.OnPodAsync(cancel, "status", stage.PodFolder)).GetProperty("cell_bytes").GetInt32();
        await stage.EndServingAsync(cancel);
        long cells = await walk.VerifyAsync(stage.PodFolder, cancel);
        var watch = Stopwatch.StartNew();
        var analysis = new WireAnalysis(AirStage.Port, cellBytes, [.. walk.Early.Patterns, .. walk.Late.Patterns], control.Patterns);
        WireReport wire = await Task.Run(() => analysis.Read(stage.Capture.File), cancel);
        report.Set("wire_plaintext_hits", wire.Hits);
        report.Set("wire_control_hits", wire.ControlHits);
        report.Set("wire_cells_of_other_size", wire.OtherFrames);
        report.Set("wire_cells", wire.CellsToPod + wire.CellsFromPod);
        report.Set("wire_bytes", wire.Bytes);
        report.Add("canaries on the wire: none may be there", watch.Elapsed.TotalSeconds,
            note: $"{wire.Hits} found in {wire.Bytes >> 20} MiB, {wire.Packets} packets, {wire.Links} connections; control found {wire.ControlHits} times");
        report.Add("frames that can hold a cell: of one length each way", null,
            note: $"{wire.CellsToPod} of {analysis.PutCellFrameBytes} bytes to the pod, {wire.CellsFromPod} of {analysis.CellFrameBytes} from it, "
            + $"{wire.IdLists} lists of ids, {wire.OtherFrames} others");
        report.Add("frames too short for a cell", null, note: $"{wire.SmallFrames}, {wire.SmallBytes >> 10} KiB in all: beats, ids, keys, commits");
        report.Remark("TLS hides what is in a frame, not its length: the channel puts each frame into records of its own, so record lengths tell frame "
            + "lengths exactly; that those frames hold cells is known from the pod, which takes no other length and has no cell that came otherwise.");
        report.Check(dropped == 0 && wire.BytesMissing == 0, $"The capture is not whole: {dropped} packets dropped, {wire.BytesMissing} bytes missing.");
        report.Check(wire.Hits == 0, $"{wire.Hits} canaries of the guest are on the wire in the clear.");
        report.Check(wire.ControlHits >= 1, "The listener did not find the control on the wire.");
        report.Check(wire.OtherFrames == 0, $"There are frames of other lengths: {string.Join(", ", wire.OtherLengths)}");
        report.Check(wire.CellsToPod >= cells && wire.CellsFromPod > 0, $"The pod has {cells} cells, and {wire.CellsToPod} came over the wire.");
    }
}
