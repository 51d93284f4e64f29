using System.Diagnostics;
using Microsoft.Extensions.Logging;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.HostGuard.Control;
using VmPod.HostGuard.Machine;
using VmPod.HostGuard.Mount;
using VmPod.HostGuard.Pods;
using VmPod.PodKeeper;
using VmPod.Secrets;
using VmPod.Vault.Format;
using VmPod.Vault.Images;
using VmPod.Vault.Sessions;

namespace VmPod.HostGuard.Session;

/// <content>Preflight and Opening: allowed are reading the pod, and making what will be wiped. Any failure wipes.</content>
internal sealed partial class SessionHost
{
    // A slow link must not keep the owner waiting for a machine that runs: status says it later.
    private static readonly TimeSpan ForkPatience = TimeSpan.FromSeconds(1);

    /// <summary>Opens the pod and the session, and starts its machine.</summary>
    /// <param name="passphrase">The pod's passphrase; null if the key agent has its key.</param>
    /// <exception cref="VmPodException">Why not; nothing is left behind.</exception>
    public async Task<SessionResult> OpenAsync(SecretBuffer? passphrase)
    {
        var watch = Stopwatch.StartNew();
        try
        {
            Enter(SessionPhase.Preflight);
            // Locking so many pages takes a tenth of a second, and needs nothing that is done meanwhile.
            locked = Task.Run(() => new ImageMemory(ImageOptions));
            Accelerator accelerator = ChooseAccelerator();
            Enter(SessionPhase.Opening);
            OpenPod(passphrase);
            Reached("pod unlocked");
            ulong? generation = ChooseGeneration();
            Reached("generation chosen");
            lease = pod!.BeginLease(request.Session, request.Boot ? LeasePurpose.Boot : LeasePurpose.Resume, create: false, generation,
                tip: request.Boot && request.Fork is null, request.Fork);
            if (!request.Boot && lease.Reader!.Record.Kind != GenerationKind.Checkpoint)
                throw new VmPodException(ExitCode.NotFound, $"{ForkName.Of(request.Fork ?? 0)} has no memory: it is a disk.",
                    $"hostguard boot {request.Session} --fork {ForkName.Of(request.Fork ?? 0)} starts it from that.");
            if (request.StoreAlone)
                lease.StoreAlone();
            lastCheckpoint = request.Boot ? null : lease.Reader!.Record.Generation;
            shape = ReadShape(lease.Reader!);
            Reached("lease opened");
            // Beside the hypervisor's start: nothing waits for it but the last word of the command.
            SessionHandle handle = lease.Session;
            Task forksKnown = Task.Run(() => pod.LookForForks(handle));
            OpenImage();
            Reached("overlay and cache locked");
            OpenMount();
            Reached("mounted");
            await StartMachineAsync(accelerator);
            Enter(SessionPhase.Running);
            StartWatching();
            Audit(request.Boot ? AuditKind.SessionStart : AuditKind.SessionResume, ("generation", (long)lease.Reader!.Record.Generation));
            _ = await Task.WhenAny(forksKnown, Task.Delay(ForkPatience));
            return new SessionResult
            {
                Session = request.Session,
                Generation = lease.Reader!.Record.Generation,
                WallS = Seconds(watch),
                Forks = WaitingForks,
            };
        }
        catch (Exception e)
        {
            log.LogError("Opening failed: {Reason}", e.Message);
            _ = await WipeAsync("failed");
            if (e is VmPodException { ExitCode: ExitCode.Damaged } damage)
                throw Unusable(damage);
            throw;
        }
    }

    // Whatever part of it is damaged: there are always the same ways on.
    private VmPodException Unusable(VmPodException damage) => new(ExitCode.Damaged,
        $"Session {request.Session} cannot be {(request.Boot ? "booted" : "resumed")}: {damage.Message}",
        (request.Boot ? "" : $"hostguard boot {request.Session} starts it from its disk; ")
            + $"hostguard resume {request.Session} --generation N goes on from another checkpoint (podkeeper sessions DIR {request.Session} lists them); "
            + "podkeeper verify DIR --deep says what else is damaged.", damage);

    private Accelerator ChooseAccelerator()
    {
        AcceleratorReport report = AcceleratorProbe.Probe();
        if (report.KvmWorthTrying)
            return Accelerator.Kvm;
        if (request.AllowEmulation)
        {
            log.LogWarning("KVM does not work here; the CPU is emulated, which is no security boundary: {Reasons}", string.Join(" ", report.Reasons));
            return Accelerator.Tcg;
        }
        throw new VmPodException(ExitCode.Missing, $"KVM does not work on this machine: {string.Join(" ", report.Reasons)}",
            report.Cure ?? "For a test only: --allow-emulation (slow, and no security boundary).");
    }

    private void OpenPod(SecretBuffer? passphrase) => pod = SessionPods.Open(PodAddress.Parse(request.Pod), passphrase, time, log);

    // Rule 2: all streams come from one generation. If the disk went on after the last checkpoint, its owner says which counts.
    private ulong? ChooseGeneration()
    {
        if (request.Boot || request.Fork is not null)
            return null;
        PodSession session = pod!.Find(request.Session, request.Generation);
        if (session.Start is not { Kind: GenerationKind.Checkpoint } chosen)
            throw new VmPodException(ExitCode.NotFound, $"Session {request.Session} has no checkpoint with memory there.",
                $"hostguard boot {request.Session} starts it from its disk.");
        bool diskIsNewer = request.Generation is null && session.TipNumber > chosen.Number;
        if (diskIsNewer && !request.DropDiskChanges)
            throw new VmPodException(ExitCode.Busy,
                $"The disk of session {request.Session} is newer than its last checkpoint ({chosen.Generation}): the machine did not end in order.",
                $"hostguard boot {request.Session} keeps the disk (programs that ran are lost); hostguard resume {request.Session} "
                    + $"--drop-disk-changes keeps the programs (changes of the disk since are left behind, as generations that can be read).");
        return chosen.Generation;
    }

    internal static MachineShape ReadShape(SessionReader session)
    {
        StreamInfo config = session.Streams.FirstOrDefault(s => s.Name == ConfigStream)
            ?? throw new VmPodException(ExitCode.NotFound, $"{session.Name} is no machine: it holds plain files.",
                "podkeeper get gives them back; hostguard adopt makes a machine.");
        byte[] json = new byte[config.Length <= FormatLimits.ChunkBytes ? config.Length : throw new VmPodException(ExitCode.Damaged,
            "The machine's configuration is too large.")];
        if (json.Length > 0)
            session.ReadChunk(config, 0, json);
        return MachineShape.FromJson(json);
    }

    private SessionImageOptions ImageOptions => new() { OverlayBytes = (long)request.OverlayMiB << 20, CacheBytes = (long)request.CacheMiB << 20 };

    private void OpenImage()
    {
        image = new SessionImage(lease!, ImageOptions, locked!.GetAwaiter().GetResult());
        locked = null;
        disk = image.Streams.FirstOrDefault(s => s.Name == DiskStream) ?? throw new VmPodException(ExitCode.Damaged, "The session has no disk.");
        if (request.Boot)
        {
            memory = image.SetStream(MemoryStream, StreamKind.Memory, shape!.MemoryBytes);
            image.Reset(memory);
            return;
        }
        memory = image.Streams.FirstOrDefault(s => s.Name == MemoryStream && s.Length == shape!.MemoryBytes)
            ?? throw new VmPodException(ExitCode.Damaged, "The checkpoint has no memory of the machine's size.");
        // Beside the hypervisor's start: by the time it asks, most of what the visit before read first is here.
        image.StartReadAhead();
        image.RecordFirstUse();
    }

    private void OpenMount()
    {
        mountPoint = RunFolders.MakeMountPoint(request.RunFolder);
        bool isRoot = Environment.IsPrivilegedProcess;
        files = [NewFile(DiskStream, disk!), NewFile(MemoryStream, memory!)];
        mount = FuseMount.Start(mountPoint, files,
            new FuseMountOptions
            {
                OwnerUid = isRoot ? MachineSpec.DefaultRunUid : null,
                OwnerGid = isRoot ? MachineSpec.DefaultRunUid : null,
                AllowedUid = isRoot ? MachineSpec.DefaultRunUid : null,
            });
    }

    private ImageFile NewFile(string name, StreamInfo stream) => new(name, stream, image!, OnTrouble, FlushBarrier, NoteWrite);

    private async Task StartMachineAsync(Accelerator accelerator)
    {
        var spec = new MachineSpec
        {
            Shape = shape!,
            DiskPath = Path.Combine(mount!.MountPoint, DiskStream),
            MemoryPath = Path.Combine(mount.MountPoint, MemoryStream),
            RunFolder = request.RunFolder,
            Accelerator = accelerator,
            AllowEmulation = request.AllowEmulation,
            Network = request.OutboundNetwork ? NetworkPolicy.Outbound : NetworkPolicy.None,
        };
        try
        {
            machine = await QemuMachine.StartAsync(spec, incoming: !request.Boot, ending.Token);
            Reached("hypervisor started");
            await UnlessDamagedAsync(LetGoAsync(machine));
        }
        catch (VmPodException) when (damaged.Task.IsCompleted)
        {
            // QEMU's words are those of a program whose disk fails; the cause is known better here.
            throw await damaged.Task;
        }
    }

    private async Task LetGoAsync(QemuMachine started)
    {
        if (!request.Boot)
        {
            using StateFile state = ReadState();
            await started.LoadStateAsync(state.Handle, ending.Token);
            Reached("device state loaded");
        }
        await started.ContinueAsync(ending.Token);
        await started.SendClockAsync(time.GetUtcNow(), ending.Token);
    }

    // Device state names places in guest memory that QEMU looks at. If those are in a damaged cell, the read waits, and QEMU with it, without a word.
    private async Task UnlessDamagedAsync(Task starting)
    {
        _ = await Task.WhenAny(starting, damaged.Task);
        if (starting.IsCompletedSuccessfully)
            return;
        if (damaged.Task.IsCompleted)
        {
            // It ends with the machine; nobody needs to hear how.
            _ = starting.ContinueWith(static t => t.Exception, TaskScheduler.Default);
            throw await damaged.Task;
        }
        await starting;
    }

    // The times of these lines are where the time of a resume goes: `./vmpod bench resume` reads them.
    private void Reached(string step) => log.LogInformation("Opening: {Step}", step);

    private StateFile ReadState()
    {
        StreamInfo stream = image!.Streams.FirstOrDefault(s => s.Name == StateStream) ?? throw new VmPodException(ExitCode.Damaged,
            "The checkpoint has no device state.");
        var state = new StateFile();
        try
        {
            using var chunk = new LockedMemory(FormatLimits.ChunkBytes);
            for (long number = 0; number < stream.ChunkCount; number++)
            {
                Span<byte> bytes = chunk.Slice(0, stream.ChunkLength(number));
                image.Read(stream.Number, number * FormatLimits.ChunkBytes, bytes);
                state.Append(bytes);
            }
            state.Rewind();
            return state;
        }
        catch
        {
            state.Dispose();
            throw;
        }
    }
}
