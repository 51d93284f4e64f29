using System.Globalization;
using VmPod.Foundation;
using VmPod.Sync.Wire;
using VmPod.Testing;
using Xunit;

namespace VmPod.Sync.Tests.Wire;

/// <summary>The frames of tests/Vectors/wire/v1, which a script wrote from the specification alone.</summary>
public sealed class WireVectorTests
{
    private const int Positive = 54, NegativeHeaders = 18, NegativeBodies = 48;

    [Fact]
    [Trait("Spec", "S-60")]
    [Trait("Spec", "S-61")]
    [Trait("Spec", "S-64")]
    [Trait("Spec", "S-66")]
    [Trait("Spec", "S-67")]
    [Trait("Spec", "S-68")]
    [Trait("Spec", "S-69")]
    [Trait("Spec", "S-70")]
    [Trait("Spec", "S-71")]
    [Trait("Spec", "S-78")]
    [Trait("Spec", "S-80")]
    public void Every_vector_is_read_and_written_the_same_or_refused_where_it_says()
    {
        Dictionary<string, string>[] vectors =
        [
            .. Directory.EnumerateFiles(Repository.PathOf("tests", "Vectors", "wire", "v1"), "*.txt").Order(StringComparer.Ordinal)
                .Select(file => File.ReadAllLines(file).Select(line => line.Split(": ", 2)).ToDictionary(p => p[0], p => p[1], StringComparer.Ordinal)),
        ];
        Assert.Equal((Positive, NegativeHeaders, NegativeBodies), (vectors.Count(v => v["expect"] == "ok"),
            vectors.Count(v => v["expect"] == "refuse" && v["layer"] == "header"), vectors.Count(v => v["expect"] == "refuse" && v["layer"] == "body")));
        HashSet<WireType> seen = [];
        Assert.All(vectors, v =>
        {
            byte[] frame = Bytes(v["frame"]);
            WireRole from = v["from"] == "host" ? WireRole.Host : WireRole.Pod;
            (bool header, bool body) = (HeaderPasses(frame, from), false);
            if (header)
                body = BodyPasses(v, frame, from);
            Assert.Equal((v["expect"] == "ok" || v["layer"] == "body", v["expect"] == "ok"), (header, body));
            if (body)
                _ = seen.Add((WireType)frame[4]);
        });
        Assert.Empty(Enum.GetValues<WireType>().Except(seen));
    }

    private static bool HeaderPasses(byte[] frame, WireRole from)
    {
        using var stream = new MemoryStream(frame, writable: false);
        try
        {
            (FrameHeader header, FrameBlock body) = new FrameReceiver(stream, from, new byte[WireLimits.HostReceiveBytes], TimeProvider.System)
                .Read(WireCases.CellBytes, isHelloDue: frame[4] == (byte)WireType.Hello);
            Assert.Equal(frame.Length, WireLimits.HeaderBytes + header.BodyBytes);
            Assert.Equal(frame[WireLimits.HeaderBytes..], body.Span.ToArray());
            return true;
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged)
        {
            return false;
        }
    }

    private static bool BodyPasses(Dictionary<string, string> v, byte[] frame, WireRole from)
    {
        byte[] body = frame[WireLimits.HeaderBytes..];
        var type = (WireType)frame[4];
        if (type == WireType.Bye)
            return body.Length == 0;
        WireCase message = v.TryGetValue("version", out string? version)
            ? WireCases.BeatOf("beat", from, int.Parse(version, CultureInfo.InvariantCulture))
            : type == WireType.Cell ? WireCases.Named(v.ContainsKey("want") ? "cell-key" : "cell-both")
            : WireCases.All.Single(c => c.Type == type && c.From == from);
        try
        {
            if (message.Read(body) is not { } again)
                return false;
            Assert.Equal(body, again());
            return true;
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Refused && type == WireType.Hello)
        {
            return false;
        }
    }

    private static byte[] Bytes(string words) =>
    [
        .. words.Split(' ').SelectMany(word => word.StartsWith("00*", StringComparison.Ordinal)
            ? new byte[int.Parse(word[3..], CultureInfo.InvariantCulture)] : Convert.FromHexString(word)),
    ];
}
