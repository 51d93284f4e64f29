namespace VmPod.Sync.Rsync;

/// <summary>The sum of a window that is cheap to move on by a byte.</summary>
public enum RollingChecksum
{
    /// <summary>Adler-32 as RFC 1950 has it, modulo 65,521: "Adler32V3".</summary>
    Adler32V3,

    /// <summary>The same sums modulo 65,536: "Adler32". Cheaper, and more windows have the same.</summary>
    Adler32,
}
