using System.Diagnostics;
using System.Text.Json;
using VmPod.Testing;

namespace VmPod.Demo;

/// <summary>The steps that a session takes wherever its pod is; each says what it does, and reports what it took.</summary>
internal sealed class Walk(Stage stage, DemoReport report)
{
    /// <summary>The session's name.</summary>
    public const string Session = "demo";

    private const int MemoryMiB = 512, Cpus = 2;

    /// <summary>How long a demo waits for a process to be gone.</summary>
    private static readonly TimeSpan GoneLimit = TimeSpan.FromSeconds(20);

    /// <summary>Canaries that a checkpoint has.</summary>
    public Canaries Early { get; } = new();

    /// <summary>Canaries that no checkpoint has.</summary>
    public Canaries Late { get; } = new();

    /// <summary>What the guest must say of its work from now on.</summary>
    public string Work { get; set; } = "";

    /// <summary>Takes the guest's disk into the pod.</summary>
    public async Task AdoptAsync(TestHost host, string how, CancellationToken cancel)
    {
        stage.Say("the guest: built once (a minute or two), then cached");
        var watch = Stopwatch.StartNew();
        GuestImage guest = await GuestImage.GetAsync(cancellation: cancel);
        report.Set("guest_build_s", watch.Elapsed.TotalSeconds);
        report.Add("guest built, or taken from the cache", watch.Elapsed.TotalSeconds);
        stage.Say($"adopt: its disk goes into the pod{how}");
        watch.Restart();
        JsonElement adopted = (await host.TryWithPodAsync(
            ["adopt", Session, "--qemu", guest.DiskPath, "--memory", $"{MemoryMiB}", "--cpus", $"{Cpus}", "--test-agent"],
                cancellation: cancel)).MustSucceed().Json;
        report.Set("adopt_s", watch.Elapsed.TotalSeconds);
        report.Add($"adopt{how}", watch.Elapsed.TotalSeconds, adopted.GetProperty("bytes_added").GetInt64(), adopted.GetProperty("bytes_read").GetInt64());
    }

    /// <summary>Boots it, works in it, plants canaries.</summary>
    public async Task<TestSession> BootAsync(TestHost host, CancellationToken cancel)
    {
        stage.Say("boot");
        TestSession session = await host.StartAsync("boot", Session, [], cancel);
        report.Set("emulated", session.IsEmulated);
        if (session.IsEmulated)
            stage.Say("KVM DOES NOT WORK HERE: the CPU is emulated (--allow-emulation). Times are of a slow machine, and emulation is no security boundary.");
        report.Set("boot_s", session.FirstAnswerAfter.TotalSeconds);
        report.Add("boot, to the guest's first answer", session.FirstAnswerAfter.TotalSeconds, note: session.IsEmulated ? "emulated CPU" : "KVM");
        await session.Agent.WaitUntilBootedAsync(cancel);
        stage.Say("work in the guest: files, rows, canaries in its memory and on its disk");
        Work = await GuestWork.DoAsync(session.Agent, cancellation: cancel);
        await session.Agent.PlantAsync(Early, "/root/canaries", cancel);
        return session;
    }

    /// <summary>A checkpoint while the guest writes.</summary>
    public async Task CheckpointUnderLoadAsync(TestSession session, CancellationToken cancel)
    {
        stage.Say("checkpoint while the guest writes");
        Task<string> load = GuestWork.DoAsync(session.Agent, mebibytes: 16, cancellation: cancel);
        await CheckpointAsync(session, "checkpoint while it writes", cancel);
        Work = await load;
    }

    /// <summary>A checkpoint.</summary>
    public async Task CheckpointAsync(TestSession session, string step, CancellationToken cancel)
    {
        JsonElement done = await session.CheckpointAsync(cancel);
        double pause = done.GetProperty("pause_s").GetDouble();
        report.SetFirst("checkpoint_pause_s", pause);
        report.Add(step, done.GetProperty("wall_s").GetDouble(), done.GetProperty("bytes_added").GetInt64(),
            note: $"the guest stood still for {pause * 1000:0} ms");
    }

    /// <summary>Takes the witness, and suspends. The witness.</summary>
    public async Task<Witness> SuspendAsync(TestSession session, string step, CancellationToken cancel)
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
        await TestSession.WaitUntilGoneAsync(processes, GoneLimit, cancel);
        return before;
    }

    /// <summary>Resumes; the witness and the guest's work must be what they were.</summary>
    public async Task<TestSession> ResumeAsync(TestHost host, string step, Witness before, IReadOnlyList<string> options, CancellationToken cancel)
    {
        var since = Stopwatch.StartNew();
        TestSession session = await host.StartAsync("resume", Session, options, cancel);
        report.SetFirst("resume_s", session.FirstAnswerAfter.TotalSeconds);
        long read = (await session.StatusAsync(cancel)).GetProperty("bytes_read").GetInt64();
        WitnessVerdict verdict = Witness.Judge(before, await Witness.TakeAsync(session.Agent, cancel), since.Elapsed + TimeSpan.FromSeconds(60));
        report.Check(verdict.Unbroken, $"{step}: the witness is {verdict}");
        report.Check(await GuestWork.LookAsync(session.Agent, cancel) == Work, $"{step}: the guest's work is not what the witness of it was told");
        report.Add($"{step}, to the guest's first answer", session.FirstAnswerAfter.TotalSeconds, fromPod: read, note: $"witness {verdict}");
        stage.Say($"the guest answers after {session.FirstAnswerAfter.TotalSeconds:0.00} s; witness {verdict}");
        return session;
    }

    /// <summary>Resumes at a host that is somewhere else, and checks that it is.</summary>
    public async Task<TestSession> ResumeElsewhereAsync(TestHost host, string network, Witness before, IReadOnlyList<string> options,
        CancellationToken cancel)
    {
        stage.Say($"resume from ciphertext: working folder {host.RunFolder}, network namespace {network}");
        TestSession session = await ResumeAsync(host, "resume elsewhere", before, options, cancel);
        report.Check(LinkOf(session.HostGuardPid) != LinkOf(Environment.ProcessId), "The session does not run in the other network namespace.");
        report.Check(session.RunFolder.StartsWith(host.RunFolder, StringComparison.Ordinal), "The session does not run in the other working folder.");
        return session;

        static string LinkOf(int pid) => new FileInfo($"/proc/{pid}/ns/net").LinkTarget!;
    }

    /// <summary>One byte of the guest's heap altered: the judge must say so, and say nothing any more when it is back.</summary>
    public async Task ShowThatTheJudgeSeesAsync(TestSession session, CancellationToken cancel)
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

    /// <summary>The search must find canaries in the running machine's memory.</summary>
    public void ShowThatTheSearchFinds(TestSession session)
    {
        int running = session.QemuProcesses.Sum(new Residue(stage, Early, Late).NewSearch().Process);
        report.Check(running > 0, "The search finds no canary in the memory of the running QEMU, where they must be.");
        report.Add("canaries in QEMU's memory while it runs", null, note: $"{running} found: the search works");
    }

    /// <summary>The pod is taken away. What became of the session.</summary>
    public async Task<Departure> TakeAwayAsync(TestSession session, Func<Task> takeAway, CancellationToken cancel)
    {
        Departure departure = await Departure.TakeAwayAsync(takeAway, session, cancel);
        report.Set("leave_stop_s", departure.StopSeconds);
        report.Set("leave_keys_gone_s", departure.KeysGoneSeconds);
        report.Add("pod gone: CPUs stopped", departure.StopSeconds, note: $"the guest's last answer after {departure.LastAnswerSeconds:0.00} s");
        report.Add("pod gone: keys zeroed", departure.KeysGoneSeconds,
            note: $"{departure.Receipt.GetProperty("pages_zeroed").GetInt64()} pages of memory zeroed before");
        report.Add("pod gone: every process of the session dead", departure.DeadSeconds, note: departure.Receipt.GetProperty("outcome").GetString()!);
        report.Check(departure.LastAnswerSeconds <= departure.StopSeconds + 0.5, "The guest answered after its CPUs were said to stand still.");
        report.Check(departure.MountIsGone, $"The session's mount is still there. Receipt: {departure.Receipt}");
        report.Check(departure.Receipt.GetProperty("reason").GetString() == "pod-gone", "The receipt gives another reason than the pod's loss.");
        return departure;
    }

    /// <summary>Nothing readable may be left.</summary>
    public void SearchForResidue(IReadOnlyList<int> processes, CancellationToken cancel)
    {
        stage.Say("search for what is left");
        cancel.ThrowIfCancellationRequested();
        var watch = Stopwatch.StartNew();
        var residue = new Residue(stage, Early, Late);
        Residue.Result found = residue.Search(processes);
        report.Set("residue_plaintext_hits", found.Plaintext);
        report.Set("residue_control_hits", found.Control);
        report.Set("places_searched", found.Places);
        report.Add("search for canaries: none may be left", watch.Elapsed.TotalSeconds,
            note: $"{found.Plaintext} found in {found.Bytes >> 20} MiB of {string.Join(", ", found.Places)}; {found.Control} of {residue.Controls} controls");
        report.Check(found.Plaintext == 0, $"Plaintext of the guest is left in {string.Join(", ", found.Found)}");
        report.Check(found.Control == residue.Controls, $"The search found {found.Control} of {residue.Controls} controls.");
    }

    /// <summary>Saves and leaves.</summary>
    public async Task LeaveAsync(TestSession session, CancellationToken cancel)
    {
        IReadOnlyList<int> processes = session.Processes;
        JsonElement done = await session.EndAsync("leave", cancel);
        await TestSession.WaitUntilGoneAsync(processes, GoneLimit, cancel);
        report.Add("leave", done.GetProperty("wall_s").GetDouble(), done.GetProperty("bytes_added").GetInt64());
    }

    /// <summary>Every cell of the pod, hashed by whoever has no key. How many there are.</summary>
    public async Task<long> VerifyAsync(string podFolder, CancellationToken cancel)
    {
        var watch = Stopwatch.StartNew();
        JsonElement verified = (await CliRunner.PodKeeper.RunAsync(["verify", podFolder, "--json"], cancellation: cancel)).MustSucceed().Json;
        long cells = verified.GetProperty("cells").GetInt64();
        report.Add("podkeeper verify, without a key", watch.Elapsed.TotalSeconds, fromPod: cells << 16, note: "every cell hashed");
        return cells;
    }

    /// <summary>Whether the witness ever broke.</summary>
    public void Conclude() =>
        report.Set("witness_unbroken", !report.Broken.Any(b => b.Contains("witness", StringComparison.Ordinal)));
}
