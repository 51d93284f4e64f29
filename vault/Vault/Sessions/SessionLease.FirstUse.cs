using VmPod.Vault.Format;

namespace VmPod.Vault.Sessions;

/// <content>Payloads of pages that are read first (SPEC V-151): not the map's, named by tables of chunks alone.</content>
public sealed partial class SessionLease
{
    // By number; zero until it is sealed.
    private readonly List<PayloadRef> firstUsePlaces = [];

    /// <summary>Puts a payload of joined pages. Returns its number in this batch, under which <see cref="FirstUseTarget"/> finds it.</summary>
    internal int PutFirstUse(Codec codec, int rawLength, ReadOnlySpan<byte> payload)
    {
        int number = firstUsePlaces.Count;
        // Its number is used up even if there is no room: a batch has no birth name twice.
        firstUsePlaces.Add(default);
        packer.Add(FirstUseKey(number), codec, rawLength, payload);
        return number;
    }

    /// <summary>Seals the open cell if such a payload waits in it: a target is sealed before it is named.</summary>
    internal void SealFirstUse()
    {
        if (firstUsePlaces.Any(p => p.IsZero))
            packer.Seal();
    }

    /// <summary>A payload that was put in this batch, and sealed.</summary>
    internal PageTarget FirstUseTarget(int number) => new(FirstUseKey(number), firstUsePlaces[number]);

    private static ChunkKey FirstUseKey(int number) => new(InternalStream.FirstUsePages, (ulong)number);

    // The map has no entry for what only other chunks name.
    private static bool IsOfMap(ChunkKey key) => key.Stream < InternalStream.FirstUsePages;
}
