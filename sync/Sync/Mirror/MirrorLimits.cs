using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Sync.Mirror;

/// <summary>Every bound of mirrors and their protocol, with its reason.</summary>
public static class MirrorLimits
{
    /// <summary>Ids of one page of a list: 64 KiB, as a piece of the log.</summary>
    public const int PageIds = 2048;

    /// <summary>Cells of one GET: 4 MiB of the usual ones, so that a link of 50 ms and 100 Mbit/s is mostly busy.</summary>
    public const int GetCells = 64;

    /// <summary>Bytes of one piece of a log: few frames, and little to lose.</summary>
    public const int PieceBytes = 256 * 1024;

    /// <summary>A question or an answer about the difference of two sets (S-120).</summary>
    public const int BlobBytesMax = 64 * 1024;

    /// <summary>Questions that wait for an answer: together some 8 KiB at most, less than the smallest pipe holds, so that the side that asks never waits to
    /// write while the other one waits to be read.</summary>
    public const int QuestionsMax = 16;

    /// <summary>A checkpoint of an audit log (podkeeper/SPEC.md): one page.</summary>
    public const int CheckpointBytesMax = 4096;

    /// <summary>A message, and a hint, for a person.</summary>
    public const int TextBytesMax = 1024;

    /// <summary>The longest body: a state, with a head of 4,096 sessions.</summary>
    public const int BodyBytesMax = StateBytes + StoreLimits.DescriptorBytesMax + StoreLimits.HeadBytesMax;

    /// <summary>Cells between two looks at whether a transfer is to be cut off, and between two words on how far it is.</summary>
    public const int BatchCells = 64;

    /// <summary>How often a transfer begins anew because the pod freed meanwhile what was to be sent: each time it takes the newest head, which needs none
    /// of that.</summary>
    public const int RoundsMax = 8;

    /// <summary>Versions of the protocol that are spoken.</summary>
    internal const ushort VersionMin = 1, VersionMax = 1;

    /// <summary>Bytes of a frame before its body: length u32, type u8.</summary>
    internal const int HeaderBytes = 5;

    /// <summary>Bytes of a state without descriptor and head: their lengths, and those of the two logs.</summary>
    internal const int StateBytes = 2 + 4 + 8 + 8;

    /// <summary>Bytes of a HELLO.</summary>
    internal const int HelloBytes = 9;

    /// <summary>Bytes of a PUT before the cell.</summary>
    internal const int PutBytes = CellId.Size;
}
