using System.Diagnostics;
using VmPod.Testing;

namespace VmPod.Demo;

/// <summary>The demo with the pod as a folder, top to bottom: a machine goes into a pod, comes back elsewhere from ciphertext, and leaves nothing when the pod
/// is taken away.</summary>
internal sealed class FolderRun(FolderStage stage, DemoReport report)
{
    private readonly Walk walk = new(stage, report);

    /// <summary>Runs it. What is not as promised stands in the report; what cannot be gone on from is thrown.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        await MakePodAsync(cancel);
        await walk.AdoptAsync(stage.Home, "", cancel);
        Witness before;
        await using (TestSession session = await walk.BootAsync(stage.Home, cancel))
        {
            await walk.CheckpointUnderLoadAsync(session, cancel);
            before = await walk.SuspendAsync(session, "suspend", cancel);
        }
        await using (TestSession session = await walk.ResumeElsewhereAsync(stage.Away, stage.AwayNamespace, before, [], cancel))
        {
            await walk.ShowThatTheJudgeSeesAsync(session, cancel);
            walk.Work = await GuestWork.DoAsync(session.Agent, cancellation: cancel);
            before = await walk.SuspendAsync(session, "suspend again", cancel);
        }
        await TakeThePodAwayAsync(before, cancel);
        await PlugInAgainAsync(before, cancel);
        walk.Conclude();
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

    private async Task TakeThePodAwayAsync(Witness before, CancellationToken cancel)
    {
        stage.Say("resume with --grace 0, and work that no checkpoint will have");
        await using TestSession session = await walk.ResumeAsync(stage.Away, "resume again", before, ["--grace", "0"], cancel);
        await session.Agent.PlantAsync(walk.Late, "/root/late-canaries", cancel);
        _ = await GuestWork.DoAsync(session.Agent, cancellation: cancel);
        walk.ShowThatTheSearchFinds(session);
        stage.Say("the pod is taken away (its file system is unmounted under the session)");
        _ = await walk.TakeAwayAsync(session, stage.Pod.TakeAwayAsync, cancel);
        // hostguard and QEMU are dead; a key agent may live for a moment more.
        walk.SearchForResidue([.. ProcessSnapshot.All().Where(p => ProcessSnapshot.NameOf(p) == "podkeeper")], cancel);
    }

    private async Task PlugInAgainAsync(Witness before, CancellationToken cancel)
    {
        stage.Say("the pod is plugged in again, at the first host");
        await stage.Pod.WaitUntilReleasedAsync(TimeSpan.FromSeconds(30), cancel);
        await stage.Pod.PlugInAsync();
        _ = await stage.UnlockAsync(cancel);
        await using TestSession session = await walk.ResumeAsync(stage.Home, "resume from the last suspend", before, ["--drop-disk-changes"], cancel);
        await walk.LeaveAsync(session, cancel);
        _ = await walk.VerifyAsync(stage.Pod.Folder, cancel);
    }
}
