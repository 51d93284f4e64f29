using System.Text;
using System.Text.RegularExpressions;
using VmPod.Audit;
using Xunit;

namespace VmPod.PodKeeper.Tests.Audit;

/// <summary>podkeeper/SPEC.md says what the code does.</summary>
public sealed partial class AuditSpecTests
{
    private static string Spec => File.ReadAllText(Path.Combine(Repository.Root, "podkeeper", "SPEC.md"));

    [GeneratedRegex(@"<!-- example[^\n]*\n((?:    [^\n]*\n)+)")]
    private static partial Regex Example();

    [GeneratedRegex(@"Events: (.*?)\.\n", RegexOptions.Singleline)]
    private static partial Regex Events();

    [Fact]
    [Trait("Spec", "P-03")]
    public void The_example_is_an_entry()
    {
        string text = string.Concat(Example().Match(Spec).Groups[1].Value.Split('\n').Select(line => line.Trim()));
        AuditEntry? entry = AuditEntryFormat.Decode(Encoding.UTF8.GetBytes(text), out string why);
        Assert.True(entry is not null, why);
        Assert.Equal((1, "keys-granted", AuditOutcome.Intent), (entry.Seq, entry.Event, entry.Outcome));
        Assert.Equal(512, entry.Detail["keysMax"]);
    }

    [Fact]
    [Trait("Spec", "P-05")]
    public void The_list_of_events_is_the_catalogue()
    {
        string[] listed = [.. Regex.Matches(Events().Match(Spec).Groups[1].Value, "`([^`]+)`").Select(m => m.Groups[1].Value)];
        Assert.Equal(Enum.GetValues<AuditKind>().Select(AuditKinds.NameOf), listed);
        Assert.All(listed, name => Assert.True(AuditKinds.TryParse(name, out AuditKind kind) && AuditKinds.NameOf(kind) == name));
        Assert.False(AuditKinds.TryParse("of-a-later-version", out _));
    }

    [Fact]
    public void Its_bounds_are_those_of_the_code()
    {
        Assert.Contains($"1 to {AuditLimits.EntryBytesMax:N0} bytes", Spec);
        Assert.Contains($"1 to {AuditLimits.DetailCountMax} members", Spec);
        Assert.Contains($"0 to {AuditLimits.TextMax} characters", Spec);
        Assert.Contains($"16 to {AuditLimits.HandleDigitsMax} lower-case hex digits", Spec);
        Assert.Contains($"1 to {AuditLimits.NameMax} printable ASCII", Spec);
    }
}
