namespace VmPod.Vault.Snapshots.Containers;

/// <summary>What an operation of a layout's program makes (SPEC V-133).</summary>
internal enum LayoutKind : byte
{
    /// <summary>Bytes that the layout holds.</summary>
    Literal = 0,

    /// <summary>Zeros.</summary>
    Zeros = 1,

    /// <summary>Grains of the disk, as they are.</summary>
    Grains = 2,

    /// <summary>A part of a grain table.</summary>
    Table = 3,

    /// <summary>Numbers at equal steps: a grain directory.</summary>
    Progression = 4,

    /// <summary>Grains of the disk, each behind its marker and deflated.</summary>
    Deflated = 5,
}

/// <summary>One operation. The next bytes of the file are what it makes.</summary>
/// <param name="Kind">What it makes.</param>
/// <param name="Count">Bytes of literals and zeros; else grains or numbers.</param>
/// <param name="First">The first grain, or number.</param>
/// <param name="Step">Of a progression, its step; of deflated grains, zlib's level.</param>
internal readonly record struct LayoutOperation(LayoutKind Kind, long Count, uint First, uint Step);
