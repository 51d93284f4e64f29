using Microsoft.Extensions.Logging;
using VmPod.Foundation;
using VmPod.HostGuard.Mount;
using VmPod.HostGuard.Pods;
using VmPod.Vault.Format;

namespace VmPod.HostGuard.Session;

/// <content>Wiping: from any phase, always to the end. Each step is tried whatever the others did; what failed stands in the receipt.</content>
internal sealed partial class SessionHost
{
    private const string LeaseOver = "lease-over", RestLost = "what the disks wrote last was not sealed in time, and is lost";

    // A commit that began before the pod was lost may still wait for it.
    private static readonly TimeSpan CommitPatience = TimeSpan.FromSeconds(1);

    private readonly Lock wipeGate = new();
    private Task<WipeReceipt>? wiping;
    private Task<long>? sealingRest;

    private Task<WipeReceipt> WipeAsync(string reason)
    {
        lock (wipeGate)
            return wiping ??= Task.Run(() => WipeNowAsync(reason));
    }

    private async Task<WipeReceipt> WipeNowAsync(string reason)
    {
        var notGuaranteed = new List<string>();
        string handle = lease?.Session.ToString() ?? "-";
        CommitRecord? record = lease?.Reader?.Record;
        // A pod that ended the lease takes what is handed in, and nothing else: as if it were gone.
        bool podIsHere = reason != LeaseOver && pod is { } known && known.Silence < SilenceMax;

        // From here the machine's death is our own work, not an end that calls for a commit.
        if (phase is not SessionPhase.Leaving)
            Enter(SessionPhase.Leaving);

        // The machine first: nothing may be written after this.
        if (machine is not null)
        {
            Try("the machine was not stopped", machine.Freeze, notGuaranteed);
            if (cpusStoppedMs == 0)
                cpusStoppedMs = NowMs();
            // A process does not die while the kernel waits for an answer on its behalf: whoever waits here for a pod that is gone is woken first. It makes
            // nothing of the answer, since it stands still.
            halfWritten.End();
            if (!podIsHere && pod is not null)
            {
                Try("the link was not given up", () =>
                {
                    _ = pod.KeepRest();
                    if (request.IsRehearsal)
                        _ = pod.EndRest();
                }, notGuaranteed);
                foreach (ImageFile file in files)
                    file.Abandon();
            }
            Try("the machine could not be killed", () =>
            {
                if (machine.Kill())
                    return;
                mount?.Abort();
                if (!machine.Kill())
                    throw new VmPodException(ExitCode.Bug, "The kernel still holds it.");
            }, notGuaranteed);
        }
        await ending.CancelAsync();

        // What the disks have and the pod has not is sealed while there are keys to seal with, and stays here for the pod.
        string? rest = podIsHere || image is null || request.IsRehearsal ? null : KeepRest(notGuaranteed);

        // Then the keys and all plaintext of ours.
        if (podIsHere && lease is not null)
            Try("the lease was not closed in the pod", lease.Close, notGuaranteed);
        CacheWipe cache = default;
        if (mount?.Aborted == true)
            notGuaranteed.Add("pages of guest memory were freed, not zeroed");
        else if (mount is not null)
            Try("pages of guest memory were freed, not zeroed", () => cache = mount.ZeroCachedPages(MemoryStream), notGuaranteed);
        if (mount is not null)
            Try("the mount could not be taken away", mount.Dispose, notGuaranteed);
        foreach (ImageFile file in files)
            file.Dispose();
        // It may have been sealed since it was waited for. From here on it is not any more: what the receipt says stays true, and what is still being sealed
        // would be sealed as zeros from the next line on.
        if (!podIsHere && pod?.EndRest() is { } kept && rest is null)
        {
            rest = kept;
            _ = notGuaranteed.Remove(RestLost);
            SayWhatIsLeftOut(notGuaranteed);
        }
        Try("overlay and caches were not zeroed", () => image?.Wipe(), notGuaranteed);
        log.LogInformation("The overlay and the caches were wiped");
        if (image?.TryDispose(CommitPatience) ?? true)
            lease?.DropKeys();
        else
            notGuaranteed.Add("a commit to the pod was still under way: its keys went with the process");
        pod?.Lock();
        long keysGoneMs = NowMs();

        // It was locked ahead, and the opening failed before it was used.
        if (locked is { } ahead)
            Try("memory that was locked ahead was not freed", () => ahead.GetAwaiter().GetResult().Dispose(), notGuaranteed);
        if (machine is not null)
            await machine.DisposeAsync();
        Try("the mount point could not be removed", RemoveMountPoint, notGuaranteed);
        if (cache.PagesCachedAfter > 0)
            notGuaranteed.Add($"the kernel still holds {cache.PagesCachedAfter} pages of guest memory, zeroed");
        notGuaranteed.Add("the hypervisor's own heap was freed by the kernel, not zeroed");
        string cutBack = lastCheckpoint is { } number ? $"cut back to checkpoint {number}" : "cut back to the disk's last tip";
        string outcome = record is null ? "nothing was opened" : reason switch
        {
            _ when request.IsRehearsal => "nothing kept of what the machine wrote",
            "suspend" or "leave" => "suspended",
            "shutdown" or "machine-ended" or "damaged" when record.Kind == GenerationKind.DiskOnly => "disk saved",
            _ => cutBack,
        };
        var receipt = new WipeReceipt
        {
            Session = handle,
            Reason = reason,
            Outcome = outcome,
            Generation = record?.Generation ?? 0,
            PodLastSeenMs = podLastSeenMs,
            CpusStoppedMs = cpusStoppedMs,
            KeysGoneMs = keysGoneMs,
            DoneMs = NowMs(),
            PagesZeroed = cache.BytesZeroed / FormatLimits.PageBytes,
            PagesLeft = cache.PagesCachedAfter,
            Residue = rest,
            NotGuaranteed = notGuaranteed,
        };
        if (podIsHere && lease is not null)
        {
            int before = notGuaranteed.Count;
            WipeReceipt said = receipt;
            Try("the receipt is not in the pod's log", () => pod!.GiveReceipt(said, lease), notGuaranteed);
            receipt = notGuaranteed.Count > before ? receipt with { NotGuaranteed = notGuaranteed } : receipt;
        }
        lease?.Dispose();
        pod?.Dispose();
        Enter(SessionPhase.Wiped);
        wiped.TrySetResult(receipt);
        return receipt;
    }

    // Returns where the rest is kept; null if there is none, or it is lost.
    private string? KeepRest(List<string> notGuaranteed)
    {
        try
        {
            if (!pod!.KeepRest())
            {
                if (image!.UnsealedBytes(StreamKind.Disk) > 0)
                    notGuaranteed.Add("what the disks wrote last is lost: the pod's folder was gone");
                return null;
            }
            if (image!.UnsealedBytes(StreamKind.Disk) == 0 && pod.RestBytes == 0)
                return null;
            sealingRest = Task.Run(() => image.CommitWithoutPod(GenerationKind.Draft, "residue"));
            if (!sealingRest.Wait(HostLimits.SealTime))
            {
                notGuaranteed.Add(RestLost);
                return null;
            }
            SayWhatIsLeftOut(notGuaranteed);
            return pod.RestFolder;
        }
        catch (Exception e) when (e is VmPodException or IOException or AggregateException)
        {
            // A suspend that was under way has ended the lease already, and stands there with the memory too.
            if (pod!.RestFolder is { } kept)
                return kept;
            log.LogError(e, "The disks' last changes could not be kept");
            notGuaranteed.Add(RestLost);
            return null;
        }
    }

    private void SayWhatIsLeftOut(List<string> notGuaranteed)
    {
        if (sealingRest is { IsCompletedSuccessfully: true, Result: > 0 and long chunks })
            notGuaranteed.Add($"{chunks} chunks of disk that no flush had made safe are not in the residue");
    }

    private void Try(string otherwise, Action step, List<string> notGuaranteed)
    {
        try
        {
            step();
        }
        catch (Exception e)
        {
            log.LogError("Wiping: {What}: {Reason}", otherwise, e.Message);
            notGuaranteed.Add(otherwise);
        }
    }

    private void RemoveMountPoint()
    {
        if (mountPoint is not null && Directory.Exists(mountPoint))
            Directory.Delete(mountPoint);
    }
}
