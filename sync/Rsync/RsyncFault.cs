using VmPod.Foundation;

namespace VmPod.Sync.Rsync;

/// <summary>What is wrong with a signature or a delta, told to a person.</summary>
internal static class RsyncFault
{
    /// <summary>The bytes are none of this format.</summary>
    internal static VmPodException Broken(string what) => new(ExitCode.Damaged, $"A signature or delta is malformed: {what}.",
        "It was cut or changed on its way, or the other side is not VmPod: fetch it again, or send the file whole.");

    /// <summary>It is of this format, and of a kind that this program does not take.</summary>
    internal static VmPodException Refused(string what) => new(ExitCode.Refused, $"A signature or delta was refused: {what}.",
        "Make it in FastRsync's binary format 1 with XXH3 or XXH64, and Adler32V3 or Adler32.");

    /// <summary>It asks for more than the caller allowed.</summary>
    internal static VmPodException Beyond(string what) => new(ExitCode.NoSpace, $"A signature or delta goes beyond its bound: {what}.",
        "It is of another file than was asked for: do not use it.");

    /// <summary>It was applied, and the result is not what it must be.</summary>
    internal static VmPodException NotExpected(string what) => new(ExitCode.Damaged, $"What a delta made is not what was expected: {what}.",
        "Nothing of it may be used: fetch the cells themselves.");
}
