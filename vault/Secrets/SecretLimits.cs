namespace VmPod.Secrets;

/// <summary>Every bound of this project, with its reason.</summary>
public static class SecretLimits
{
    /// <summary>Bytes of one <see cref="SecretBuffer"/>. Keys have 32, passphrases up to 1 KiB; more than this is bulk data and belongs in
    /// <see cref="LockedMemory"/>.</summary>
    public const int BufferBytesMax = 64 * 1024;

    /// <summary>Bytes of a passphrase or PIN. Long enough for any sentence, short enough that a wrong file (a disk image) is refused at
    /// once.</summary>
    public const int InputBytesMax = 1024;

    /// <summary>The smallest slot of the arena: one key of 256 bits, so that 128 keys share a page.</summary>
    internal const int SlotBytesMin = 32;

    /// <summary>The largest slot that shares a block; a bigger secret has a mapping of its own.</summary>
    internal const int SlotBytesMax = 2048;

    /// <summary>Bytes of a shared block: four pages, so that a program with few secrets stays far below a lock limit of 64 KiB.</summary>
    internal const int BlockBytes = 16 * 1024;
}
