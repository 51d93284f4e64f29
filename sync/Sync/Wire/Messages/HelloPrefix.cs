using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>
/// How every HELLO of every version begins: <c>{ "VPW1" 4 | versionMin 2 | versionMax 2 | role 1 }</c>. What follows is of the version that both
/// speak, so that an older or newer peer is refused with a word.
/// </summary>
internal static class HelloPrefix
{
    /// <summary>"VPW1".</summary>
    internal const uint Magic = 0x5650_5731;

    internal const int Bytes = 4 + 2 + 2 + 1;

    internal static void Write(ref SpanWriter w, WireRole role, WireVersions versions)
    {
        w.UInt32(Magic);
        w.UInt16(versions.Min);
        w.UInt16(versions.Max);
        w.Byte((byte)role);
    }

    /// <summary>Reads it. False if it is no HELLO at all, or not of that role.</summary>
    /// <exception cref="VmPodException">No version is common (exit code 4).</exception>
    internal static bool TryRead(ref ByteReader r, WireRole role, out WireVersions versions)
    {
        uint magic = r.UInt32();
        ushort min = r.UInt16(), max = r.UInt16();
        versions = new WireVersions(min, max);
        byte said = r.Byte();
        if (r.Failed || magic != Magic || min == 0 || min > max)
            return false;
        string they = role == WireRole.Pod ? "pod" : "host", we = role == WireRole.Pod ? "host" : "pod";
        if (max < WireLimits.VersionMin)
        {
            throw new VmPodException(ExitCode.Refused,
                $"The {they} is older than this {we}: it speaks the wire up to version {max}, this {we} from {WireLimits.VersionMin}.",
                $"Update VmPod on the {they}.");
        }
        if (min > WireLimits.VersionMax)
        {
            throw new VmPodException(ExitCode.Refused,
                $"This {we} is older than the {they}: it speaks the wire up to version {WireLimits.VersionMax}, the {they} from {min}.",
                $"Update VmPod on this {we}.");
        }
        return said == (byte)role;
    }
}
