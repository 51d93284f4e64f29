using System.Numerics;
using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;

namespace VmPod.Vault.Sessions;

/// <content>Sessions whose chunks are stored alone, so that the sizes of commits say little of what is in them (SPEC V-154 to V-156).</content>
public sealed partial class SessionLease
{
    private const byte PolicyVersion = 1, AloneFlag = 1;

    private static readonly ChunkKey PolicyKey = new(InternalStream.Policy, 0);

    private bool? storesAlone;
    private ulong? nextPadding;
    private long cellsSinceCommit;

    /// <summary>True if the session's chunks are stored alone: nothing is found, compared or joined that another chunk or an older version holds.</summary>
    /// <remarks>Where that cannot be had because the pod is gone, it is so: what is stored alone is right in any case.</remarks>
    /// <exception cref="VmPodException">What says it is damaged (5): it is no hint.</exception>
    public bool StoresAlone
    {
        get
        {
            if (storesAlone is { } known)
                return known;
            try
            {
                bool read = TryFind(PolicyKey, out PayloadRef place) && ReadPolicy(Payloads, place);
                storesAlone = read;
                return read;
            }
            catch (VmPodException e) when (e.ExitCode == ExitCode.LinkLost)
            {
                return true;
            }
        }
    }

    /// <summary>Stores the session's chunks alone from the next chunk on, and for good with the next commit.</summary>
    public void StoreAlone()
    {
        if (StoresAlone)
            return;
        byte[] policy = [PolicyVersion, AloneFlag];
        Put(PolicyKey, Codec.Raw, policy.Length, policy, TagOf(policy));
        storesAlone = true;
    }

    /// <summary>So many cells of data a commit has at least that has <paramref name="cells"/>: 1 to 8, then 10, 12, 14, 16, 20, 24, 28, 32, 40 and so on, a
    /// quarter more at most.</summary>
    internal static long PaddedCells(long cells)
    {
        long step = 1L << Math.Max(0, BitOperations.Log2((ulong)Math.Max(1, cells - 1)) - 2);
        return (cells + step - 1) / step * step;
    }

    /// <summary>As <see cref="StoresAlone"/>, of a generation that is open for reading.</summary>
    internal static bool IsStoredAlone(SessionReader reader) =>
        reader.State.Map.TryFind(PolicyKey, out PayloadRef place) && !place.IsZero && ReadPolicy(reader.Payloads, place);

    private static bool ReadPolicy(PayloadReader payloads, in PayloadRef place)
    {
        Span<byte> policy = stackalloc byte[2];
        payloads.Read(PolicyKey, place, policy);
        return policy[0] == PolicyVersion && policy[1] == AloneFlag ? true : throw PayloadReader.Disagrees(PolicyKey);
    }

    // Each such cell holds a payload that the map names, so that a list of live cells does not tell it from the others.
    private void PadCells()
    {
        if (!StoresAlone)
            return;
        packer.Seal();
        nextPadding ??= (ulong)(Reader?.State.Map.Enumerate(PaddingKey(0), new ChunkKey(InternalStream.Padding + 1, 0)).LongCount() ?? 0);
        for (long left = PaddedCells(cellsSinceCommit) - cellsSinceCommit; left > 0; left--)
        {
            packer.Add(PaddingKey(nextPadding.Value), Codec.Raw, 1, [0]);
            nextPadding++;
            packer.Seal();
        }
    }

    private static ChunkKey PaddingKey(ulong number) => new(InternalStream.Padding, number);
}
