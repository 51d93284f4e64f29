using System.Runtime.InteropServices;

namespace VmPod.Foundation;

/// <summary>The flags of open(2) that differ between machines: x86-64 has those of asm-generic/fcntl.h, arm64 its own.</summary>
/// <param name="Directory">O_DIRECTORY.</param>
/// <param name="NoFollow">O_NOFOLLOW.</param>
internal readonly record struct OpenFlags(int Directory, int NoFollow)
{
    /// <summary>Those of this process.</summary>
    public static OpenFlags Here { get; } = Of(RuntimeInformation.ProcessArchitecture);

    /// <summary>Those of a machine.</summary>
    /// <exception cref="PlatformNotSupportedException">VmPod does not know them.</exception>
    public static OpenFlags Of(Architecture architecture) => architecture switch
    {
        Architecture.X64 => new(0x10000, 0x20000),
        // arch/arm64/include/uapi/asm/fcntl.h
        Architecture.Arm64 => new(0x4000, 0x8000),
        _ => throw new PlatformNotSupportedException($"VmPod does not know the flags of open(2) on {architecture}."),
    };
}
