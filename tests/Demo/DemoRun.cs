using System.Diagnostics;
using System.Text.Json;
using VmPod.Testing;

namespace VmPod.Demo;

/// <summary>The demo, top to bottom: a machine goes into a pod, comes back elsewhere from ciphertext, and leaves nothing when the pod is
/// taken away.</summary>
internal sealed class DemoRun(Stage stage, DemoReport report)
{
    private const string Session = "demo";
    private const int MemoryMiB = 512, Cpus = 2;
    private readonly Canaries early = new(), late = new();
    private string work = "";

    /// <summary>Runs it. What is not as promised stands in the report; what cannot be gone on from is thrown.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        await MakePodAsync(cancel);
        await AdoptAsync(cancel);
        Witness before;
        await using (TestSession session = await BootAsync(cancel))
        {
            await CheckpointUnderLoadAsync(session, cancel);
            before = await SuspendAsync(session, "suspend", cancel);
        }
        await using (TestSession session = await ResumeElsewhereAsync(before, cancel))
        {
            await ShowThatTheJudgeSeesAsync(session, cancel);
            work = await GuestWork.DoAsync(session.Agent, cancellation: cancel);
            before = await SuspendAsync(session, "suspend again", cancel);
        }
        await TakeThePodAwayAsync(before, cancel);
        await PlugInAgainAsync(before, cancel);
        report.Set("witness_unbroken", report.Broken.Count == 0 || !report.Broken.Any(b => b.Contains("witness", StringComparison.Ordinal)));
    }

    private async Task MakePodAsync(CancellationToken cancel)
    {
        await stage.SetUpAsync(cancel);
        stage.Say($"a pod on a file system of its own: {stage.Pod.Image}");
        var watch = Stopwatch.StartNew();
        _ = await stage.PodKeeperAsync(cancel, "init", stage.Pod.Folder);
        _ = await stage.UnlockAsync(cancel);
        report.Add("podkeeper init, unlock", watch.Elapsed.TotalSeconds, note: "Argon2id twice");
    }

    private async Task AdoptAsync(CancellationToken cancel)
    {
        stage.Say("the guest: built once (a minute or two), then cached");
        var watch = Stopwatch.StartNew();
        GuestImage guest = await GuestImage.GetAsync(cancellation: cancel);
        report.Set("guest_build_s", watch.Elapsed.TotalSeconds);
        report.Add("guest built, or taken from the cache", watch.Elapsed.TotalSeconds);
        stage.Say("adopt: its disk goes into the pod");
        watch.Restart();
        JsonElement adopted = (await stage.Home.TryWithPodAsync(
            ["adopt", Session, "--qemu", guest.DiskPath, "--memory", $"{MemoryMiB}", "--cpus", $"{Cpus}", "--test-agent"],
                cancellation: cancel)).MustSucceed().Json;
        report.Set("adopt_s", watch.Elapsed.TotalSeconds);
        report.Add("adopt", watch.Elapsed.TotalSeconds, adopted.GetProperty("bytes_added").GetInt64(), adopted.GetProperty("bytes_read").GetInt64());
    }

    private async Task<TestSession> BootAsync(CancellationToken cancel)
    {
        stage.Say("boot");
        TestSession session = await stage.Home.StartAsync("boot", Session, [], cancel);
        report.Set("emulated", session.IsEmulated);
        if (session.IsEmulated)
            stage.Say("KVM DOES NOT WORK HERE: the CPU is emulated (--allow-emulation). Times are of a slow machine, and emulation is no security boundary.");
        report.Set("boot_s", session.FirstAnswerAfter.TotalSeconds);
        report.Add("boot, to the guest's first answer", session.FirstAnswerAfter.TotalSeconds, note: session.IsEmulated ? "emulated CPU" : "KVM");
        await session.Agent.WaitUntilBootedAsync(cancel);
        stage.Say("work in the guest: files, rows, canaries in its memory and on its disk");
        work = await GuestWork.DoAsync(session.Agent, cancellation: cancel);
        await session.Agent.PlantAsync(early, "/root/canaries", cancel);
        return session;
    }

    private async Task CheckpointUnderLoadAsync(TestSession session, CancellationToken cancel)
    {
        stage.Say("checkpoint while the guest writes");
        Task<string> load = GuestWork.DoAsync(session.Agent, mebibytes: 16, cancellation: cancel);
        JsonElement done = await session.CheckpointAsync(cancel);
        report.Set("checkpoint_pause_s", done.GetProperty("pause_s").GetDouble());
        report.Add("checkpoint while it writes", done.GetProperty("wall_s").GetDouble(), done.GetProperty("bytes_added").GetInt64(),
            note: $"the guest stood still for {done.GetProperty("pause_s").GetDouble() * 1000:0} ms");
        work = await load;
    }

    // The witness is taken before, and judged after.
    private async Task<Witness> SuspendAsync(TestSession session, string step, CancellationToken cancel)
    {
        stage.Say(step);
        Witness before = await Witness.TakeAsync(session.Agent, cancel);
        long read = (await session.StatusAsync(cancel)).GetProperty("bytes_read").GetInt64();
        IReadOnlyList<int> processes = session.Processes;
        var watch = Stopwatch.StartNew();
        JsonElement done = await session.EndAsync(cancellation: cancel);
        report.SetFirst("suspend_s", watch.Elapsed.TotalSeconds);
        report.Add($"{step}, with memory, and wipe", watch.Elapsed.TotalSeconds, done.GetProperty("bytes_added").GetInt64(), read,
            $"generation {done.GetProperty("generation").GetInt64()}; read: by the guest, since it started");
        await TestSession.WaitUntilGoneAsync(processes, TimeSpan.FromSeconds(20), cancel);
        return before;
    }

    private async Task<TestSession> ResumeElsewhereAsync(Witness before, CancellationToken cancel)
    {
        stage.Say($"resume from ciphertext: working folder {stage.Away.RunFolder}, network namespace {stage.AwayNamespace}");
        TestSession session = await ResumeAsync(stage.Away, "resume elsewhere", before, [], cancel);
        report.Check(LinkOf(session.HostGuardPid) != LinkOf(Environment.ProcessId), "The session does not run in the other network namespace.");
        report.Check(session.RunFolder.StartsWith(stage.Away.RunFolder, StringComparison.Ordinal), "The session does not run in the other working folder.");
        return session;

        static string LinkOf(int pid) => new FileInfo($"/proc/{pid}/ns/net").LinkTarget!;
    }

    private async Task<TestSession> ResumeAsync(TestHost host, string step, Witness before, IReadOnlyList<string> options, CancellationToken cancel)
    {
        var since = Stopwatch.StartNew();
        TestSession session = await host.StartAsync("resume", Session, options, cancel);
        report.SetFirst("resume_s", session.FirstAnswerAfter.TotalSeconds);
        long read = (await session.StatusAsync(cancel)).GetProperty("bytes_read").GetInt64();
        WitnessVerdict verdict = Witness.Judge(before, await Witness.TakeAsync(session.Agent, cancel), since.Elapsed + TimeSpan.FromSeconds(60));
        report.Check(verdict.Unbroken, $"{step}: the witness is {verdict}");
        report.Check(await GuestWork.LookAsync(session.Agent, cancel) == work, $"{step}: the guest's work is not what the witness of it was told");
        report.Add($"{step}, to the guest's first answer", session.FirstAnswerAfter.TotalSeconds, fromPod: read, note: $"witness {verdict}");
        stage.Say($"the guest answers after {session.FirstAnswerAfter.TotalSeconds:0.00} s; witness {verdict}");
        return session;
    }

    // One byte of the guest's heap altered: the judge must say so, and say nothing any more when it is back.
    private async Task ShowThatTheJudgeSeesAsync(TestSession session, CancellationToken cancel)
    {
        stage.Say("negative run: one byte of the guest's memory altered");
        Witness sound = await Witness.TakeAsync(session.Agent, cancel);
        var since = Stopwatch.StartNew();
        Func<Task> giveBack = await GuestWork.AlterHeapAsync(session.Agent, cancel);
        WitnessVerdict altered = Witness.Judge(sound, await Witness.TakeAsync(session.Agent, cancel), since.Elapsed + TimeSpan.FromSeconds(1));
        await giveBack();
        WitnessVerdict again = Witness.Judge(sound, await Witness.TakeAsync(session.Agent, cancel), since.Elapsed + TimeSpan.FromSeconds(1));
        report.Check(!altered.Unbroken && again.Unbroken, $"The witness's judge is blind: altered, it says {altered}; given back, {again}");
        report.Add("negative run: one byte of memory altered", since.Elapsed.TotalSeconds, note: $"judge: {altered}");
    }

    private async Task TakeThePodAwayAsync(Witness before, CancellationToken cancel)
    {
        stage.Say("resume with --grace 0, and work that no checkpoint will have");
        await using TestSession session = await ResumeAsync(stage.Away, "resume again", before, ["--grace", "0"], cancel);
        await session.Agent.PlantAsync(late, "/root/late-canaries", cancel);
        _ = await GuestWork.DoAsync(session.Agent, cancellation: cancel);
        int running = session.QemuProcesses.Sum(new Residue(stage, early, late).NewSearch().Process);
        report.Check(running > 0, "The search finds no canary in the memory of the running QEMU, where they must be.");
        report.Add("canaries in QEMU's memory while it runs", null, note: $"{running} found: the search works");
        stage.Say("the pod is taken away (its file system is unmounted under the session)");
        Departure departure = await Departure.TakeAwayAsync(stage.Pod, session, cancel);
        report.Set("leave_stop_s", departure.StopSeconds);
        report.Set("leave_keys_gone_s", departure.KeysGoneSeconds);
        report.Add("pod gone: CPUs stopped", departure.StopSeconds, note: $"the guest's last answer after {departure.LastAnswerSeconds:0.00} s");
        report.Add("pod gone: keys zeroed", departure.KeysGoneSeconds,
            note: $"{departure.Receipt.GetProperty("pages_zeroed").GetInt64()} pages of memory zeroed before");
        report.Add("pod gone: every process of the session dead", departure.DeadSeconds, note: departure.Receipt.GetProperty("outcome").GetString()!);
        report.Check(departure.LastAnswerSeconds <= departure.StopSeconds + 0.5, "The guest answered after its CPUs were said to stand still.");
        report.Check(departure.MountIsGone, $"The session's mount is still there. Receipt: {departure.Receipt}");
        report.Check(departure.Receipt.GetProperty("reason").GetString() == "pod-gone", "The receipt gives another reason than the pod's loss.");
        SearchForResidue(cancel);
    }

    private void SearchForResidue(CancellationToken cancel)
    {
        stage.Say("search for what is left");
        cancel.ThrowIfCancellationRequested();
        var watch = Stopwatch.StartNew();
        // hostguard and QEMU are dead; a key agent may live for a moment more.
        Residue.Result found = new Residue(stage, early, late).Search([.. ProcessSnapshot.All().Where(p => ProcessSnapshot.NameOf(p) == "podkeeper")]);
        report.Set("residue_plaintext_hits", found.Plaintext);
        report.Set("residue_control_hits", found.Control);
        report.Set("places_searched", found.Places);
        report.Add("search for canaries: none may be left", watch.Elapsed.TotalSeconds,
            note: $"{found.Plaintext} found in {found.Bytes >> 20} MiB of {string.Join(", ", found.Places)}; {found.Control} of the controls");
        report.Check(found.Plaintext == 0, $"Plaintext of the guest is left in {string.Join(", ", found.Found)}");
        report.Check(found.Control >= 1, "The search did not find the control.");
    }

    private async Task PlugInAgainAsync(Witness before, CancellationToken cancel)
    {
        stage.Say("the pod is plugged in again, at the first host");
        await stage.Pod.WaitUntilReleasedAsync(TimeSpan.FromSeconds(30), cancel);
        await stage.Pod.PlugInAsync();
        _ = await stage.UnlockAsync(cancel);
        await using TestSession session = await ResumeAsync(stage.Home, "resume from the last suspend", before, ["--drop-disk-changes"], cancel);
        IReadOnlyList<int> processes = session.Processes;
        JsonElement done = await session.EndAsync("leave", cancel);
        await TestSession.WaitUntilGoneAsync(processes, TimeSpan.FromSeconds(20), cancel);
        report.Add("leave", done.GetProperty("wall_s").GetDouble(), done.GetProperty("bytes_added").GetInt64());
        var watch = Stopwatch.StartNew();
        JsonElement verified = (await CliRunner.PodKeeper.RunAsync(["verify", stage.Pod.Folder, "--json"], cancellation: cancel)).MustSucceed().Json;
        report.Add("podkeeper verify, without a key", watch.Elapsed.TotalSeconds, fromPod: verified.GetProperty("cells").GetInt64() << 16,
            note: "every cell hashed");
    }
}
