using VmPod.Testing;

namespace VmPod.Sync.Tests.Discovery;

/// <summary>The corpus: tests/Vectors/discovery/v1/packets.txt.</summary>
internal static class Packets
{
    internal static (bool IsRead, string Name, byte[] Bytes)[] All { get; } =
        [.. File.ReadLines(Repository.PathOf("tests", "Vectors", "discovery", "v1", "packets.txt")).Where(l => !l.StartsWith('#')).Select(l => l.Split(' '))
            .Select(p => (p[0] == "ok", p[1], Convert.FromHexString(p[2])))];

    internal static byte[] Of(string name) => All.Single(p => p.Name == name).Bytes;
}
