using Microsoft.Win32.SafeHandles;
using VmPod.PodKeeper;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;

namespace VmPod.EndToEnd;

/// <summary>A machine's checkpoint as plain files, put into a pod as hostguard would have.</summary>
internal static class PlainMachine
{
    /// <summary>Puts the files of a checkpoint (`podkeeper get` of a machine) as a checkpoint of a new session, perhaps without one.</summary>
    public static void Put(string podFolder, string pinFile, string session, string folder, string? without = null)
    {
        using Pod pod = Pod.Open(podFolder, StoreAccess.Write, TimeProvider.System);
        using SecretBuffer passphrase = SecretInput.ReadFile(pinFile);
        if (!pod.TryUnlock(passphrase))
            throw new InvalidOperationException("The passphrase is wrong.");
        SessionLease lease = pod.BeginLease(session, LeasePurpose.Put, create: true);
        StreamSource[] all =
        [
            Source("disk", StreamKind.Disk), Source("memory", StreamKind.Memory), Source("state", StreamKind.State),
            Source("machine.json", StreamKind.Config),
        ];
        SnapshotWriter.PutStreams(lease, [.. all.Where(stream => stream.Name != without)], GenerationKind.Checkpoint, "put by a test", null,
            CancellationToken.None);
        pod.EndLease(lease);

        StreamSource Source(string name, StreamKind kind) => new(Path.Join(folder, name), name, kind);
    }

    /// <summary>The chunks of a memory file in which the witness's heap stands.</summary>
    public static HashSet<long> HeapChunks(string memory)
    {
        const int PageBytes = 4096;
        var chunks = new HashSet<long>();
        using SafeFileHandle file = File.OpenHandle(memory);
        byte[] chunk = new byte[FormatLimits.ChunkBytes];
        for (long at = 0; RandomAccess.Read(file, chunk, at) > 0; at += chunk.Length)
        {
            // All of its pages: the machine itself needs nothing of such a chunk.
            if (Enumerable.Range(0, chunk.Length / PageBytes).All(page => chunk.AsSpan(page * PageBytes, PageBytes).StartsWith("vmpod-heap"u8)))
                chunks.Add(at / chunk.Length);
        }
        return chunks;
    }

    /// <summary>Alters one byte of the witness's heap in a memory file.</summary>
    public static void AlterHeapPage(string memory)
    {
        const int PageBytes = 4096;
        using SafeFileHandle file = File.OpenHandle(memory, FileMode.Open, FileAccess.ReadWrite);
        byte[] page = new byte[PageBytes];
        for (long at = 0; at < RandomAccess.GetLength(file); at += PageBytes)
        {
            RandomAccess.Read(file, page, at);
            if (!page.AsSpan().StartsWith("vmpod-heap000100"u8))
                continue;
            page[2000] ^= 1;
            RandomAccess.Write(file, page, at);
            return;
        }
        throw new InvalidOperationException("The heap is not in the memory file.");
    }
}
