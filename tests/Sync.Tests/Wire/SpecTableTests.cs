using System.Globalization;
using System.Text.RegularExpressions;
using VmPod.Sync.Wire;
using VmPod.Testing;
using Xunit;

namespace VmPod.Sync.Tests.Wire;

/// <summary>The table of S-61 as the specification prints it, against the one that the program checks.</summary>
public sealed partial class SpecTableTests
{
    [Fact]
    [Trait("Spec", "S-61")]
    public void The_table_of_frames_in_the_specification_is_the_one_that_is_checked()
    {
        Dictionary<byte, (string From, string Kind, int Min, int Max)> printed = Row().Matches(File.ReadAllText(Repository.PathOf("sync", "SPEC.md")))
            .ToDictionary(m => byte.Parse(m.Groups["type"].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture), m =>
            {
                string[] bounds = m.Groups["n"].Value.Split(" to ");
                return (m.Groups["from"].Value, m.Groups["kind"].Value, Bytes(bounds[0]), Bytes(bounds[^1]));
            });
        Dictionary<byte, (string, string, int, int)> known = Enumerable.Range(0, 256).Select(t => (byte)t)
            .Where(t => WireRule.Of((WireType)t, WireCases.CellBytes) is not null)
            .ToDictionary(t => t, t =>
            {
                WireRule rule = WireRule.Of((WireType)t, WireCases.CellBytes)!.Value;
                string from = rule.Sender switch { WireRole.Host => "host", WireRole.Pod => "pod", _ => "both" };
                string kind = rule.Kind switch { FrameKind.OneWay => "-", FrameKind.Read => "read", FrameKind.Write => "write", _ => "reply" };
                return (from, kind, rule.BodyMin, rule.BodyMax);
            });
        Assert.Equal(known, printed);
    }

    private static int Bytes(string text) => text.Split(" + ").Sum(part =>
        part == "cell" ? WireCases.CellBytes : int.Parse(part.Replace(",", "", StringComparison.Ordinal), CultureInfo.InvariantCulture));

    [GeneratedRegex(@"^\| (?<type>[0-9a-f]{2}) \| [A-Z_]+ \| (?<from>\w+) \| (?<kind>[-\w]+) \| (?<n>[^|]+) \|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
