using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Win32.SafeHandles;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.Foundation.Processes;
using VmPod.HostGuard.Control;
using VmPod.HostGuard.Machine;
using VmPod.HostGuard.Pods;
using VmPod.PodKeeper;
using VmPod.Secrets;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;

namespace VmPod.HostGuard.Commands;

/// <summary>Takes a machine's disk into the pod: its first generation, with the shape that the machine keeps for good.</summary>
internal static class Adoption
{
    /// <summary>What adopt was asked.</summary>
    public sealed record Request(string Name, string Disk, string Pod, int MemoryMiB, int Cpus, string CpuModel, bool Display, bool NetworkCard,
        bool TestAgent, bool StoreAlone);

    // The one machine type of this version: versioned, so that device state loads on every host that has it.
    private const string MachineType = "pc-i440fx-7.2";

    // "QFI" and 0xFB. No UTF-8 literal: that would make two bytes of the last one, and the image would pass as a raw one.
    private static ReadOnlySpan<byte> Qcow2Magic => [0x51, 0x46, 0x49, 0xFB];

    /// <summary>Adopts.</summary>
    /// <exception cref="VmPodException">The disk is no raw image (2), the session is there already (4), locked (4), no space (8).</exception>
    public static AdoptResult Run(Request request, SecretBuffer? passphrase, IProgress<TransferProgress>? progress, CancellationToken cancel)
    {
        var watch = Stopwatch.StartNew();
        CheckDisk(request.Disk);
        var shape = new MachineShape
        {
            MachineType = MachineType,
            CpuModel = request.CpuModel,
            Cpus = request.Cpus,
            MemoryBytes = (long)request.MemoryMiB << 20,
            Display = request.Display,
            NetworkCard = request.NetworkCard,
            TestAgent = request.TestAgent,
        };
        shape.Validate();
        using ISessionPod pod = SessionPods.Open(PodAddress.Parse(request.Pod), passphrase, TimeProvider.System, NullLogger.Instance);
        if (pod.Has(request.Name))
            throw new VmPodException(ExitCode.Refused, $"The pod has a session {request.Name} already.", "Choose another name.");
        byte[] json = shape.ToJson();
        using SafeFileHandle config = MemoryFile.Create("vmpod-machine", json.Length);
        RandomAccess.Write(config, json, 0);
        SessionLease lease = pod.BeginLease(request.Name, LeasePurpose.Adopt, create: true, generation: null, tip: false);
        try
        {
            if (request.StoreAlone)
                lease.StoreAlone();
            SnapshotWriter.Summary summary = SnapshotWriter.PutStreams(lease,
            [
                new StreamSource(request.Disk, "disk", StreamKind.Disk),
                new StreamSource($"/proc/self/fd/{config.DangerousGetHandle()}", "machine.json", StreamKind.Config),
            ], GenerationKind.DiskOnly, "adopt", progress, cancel);
            string handle = lease.Session.ToString();
            pod.EndLease(lease, Pod.CommitEvent(summary.Commit.Record), new AuditEvent(AuditKind.SessionStart, AuditOutcome.Ok)
            {
                Session = handle,
                Detail = { ["adopted"] = 1 }
            });
            return new AdoptResult
            {
                Session = request.Name,
                Handle = handle,
                Generation = summary.Commit.Record.Generation,
                BytesAdded = summary.BytesAdded,
                BytesRead = summary.BytesRead,
                WallS = Math.Round(watch.Elapsed.TotalSeconds, 3),
            };
        }
        catch
        {
            lease.Close();
            lease.Dispose();
            throw;
        }
    }

    private static void CheckDisk(string path)
    {
        if (!File.Exists(path))
            throw new VmPodException(ExitCode.NotFound, $"There is no disk image {path}.");
        if (!Libc.IsRegularFile(path))
            throw new VmPodException(ExitCode.Usage, $"{path} is no plain file.");
        using SafeFileHandle file = File.OpenHandle(path);
        Span<byte> head = stackalloc byte[4];
        int read = RandomAccess.Read(file, head, 0);
        // The known format first: its length need be no whole number of sectors, and its message says what helps.
        if (head.SequenceEqual(Qcow2Magic) || head.SequenceEqual("KDMV"u8) || head.SequenceEqual("QED\0"u8))
            throw new VmPodException(ExitCode.Usage, $"{path} is a disk image in a format of its own (qcow2, VMDK…), not a raw one.",
                "Convert it first: qemu-img convert -f FORMAT -O raw IN OUT");
        if (read < head.Length || RandomAccess.GetLength(file) % 512 != 0)
            throw new VmPodException(ExitCode.Usage, $"{path} is no raw disk image: its length is no whole number of sectors.");
    }
}
