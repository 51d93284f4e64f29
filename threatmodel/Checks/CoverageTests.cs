using VmPod.Testing;
using Xunit;

namespace VmPod.ThreatModel.Checks;

public sealed class CoverageTests
{
    // In two parts, or the checks would take these for citations of the real documents.
    private const string Cite = "[Tra" + "it";

    [Fact]
    public void Every_numbered_rule_of_the_specifications_has_a_test_or_a_reason() =>
        Violations.MustBeNone(Coverage.SpecViolations(Repository.Root));

    [Fact]
    public void Every_listed_threat_has_a_test_or_a_reason() =>
        Violations.MustBeNone(Coverage.ThreatViolations(Repository.Root));

    [Fact]
    public void Rules_with_tests_and_reasons_are_accepted()
    {
        using PlantedTree tree = Tree();
        Assert.Empty(Coverage.SpecViolations(tree.Root));
    }

    [Theory]
    [InlineData("- **V-03** A reader MUST refuse.")]
    [InlineData("**V-03**: a reader MUST refuse.")]
    [InlineData("| V-03 | A reader MUST refuse. |")]
    [InlineData("- V-03 A reader MUST refuse.")]
    [InlineData("### V-03 Refusal")]
    public void A_rule_without_a_test_is_found(string line)
    {
        using PlantedTree tree = Tree().With("sync/SPEC.md", line + "\n");
        Assert.StartsWith("V-03 (sync/SPEC.md:1) has no test", Assert.Single(Coverage.SpecViolations(tree.Root)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_mention_of_a_rule_is_not_a_rule()
    {
        using PlantedTree tree = Tree().With("sync/SPEC.md", "as in\nV-03 and V-04 of the (V-05) vault\n");
        Assert.Empty(Coverage.SpecViolations(tree.Root));
    }

    [Fact]
    public void A_citation_of_an_unknown_rule_is_found()
    {
        using PlantedTree tree = Tree().With("tests/B.cs", Cite + "(\"Spec\", \"V-99\")]\n");
        Assert.Equal(["tests/B.cs:1 cites V-99, which no document numbers"], Coverage.SpecViolations(tree.Root));
    }

    [Fact]
    public void A_citation_in_a_comment_does_not_count()
    {
        using PlantedTree tree = Tree().With("tests/A.cs", "// " + Cite + "(\"Spec\", \"V-01\")]\n");
        Assert.StartsWith("V-01", Assert.Single(Coverage.SpecViolations(tree.Root)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("V-02 shown by hand, see the README\nV-77 shown by hand, see the README\n", "excepts V-77, which no document numbers")]
    [InlineData("V-02 shown by hand, see the README\nV-01 shown by hand, see the README\n", "excepts V-01, which has a test")]
    [InlineData("V-02\n", "excepts V-02 without a reason")]
    [InlineData("V-02 shown by hand, see the README\nV-02 shown by hand, see the README\n", "excepts V-02 twice")]
    public void A_stale_or_unreasoned_exception_is_found(string exceptions, string expected)
    {
        using PlantedTree tree = Tree().With(Coverage.ExceptionsFile, exceptions);
        Assert.Contains(expected, Assert.Single(Coverage.SpecViolations(tree.Root)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_number_given_twice_is_found()
    {
        using PlantedTree tree = Tree().With("sync/SPEC.md", "- **V-01** again\n");
        Assert.StartsWith("V-01 is numbered twice", Assert.Single(Coverage.SpecViolations(tree.Root)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_threat_without_a_test_and_a_ban_without_a_threat_are_found()
    {
        using PlantedTree tree = Tree().With("threatmodel/THREATS.md", "| T-01 | a thief |\n| T-02 | a peer |\n")
            .With("threatmodel/BannedSymbols.txt", "T:System.Random;T-09: no.\n").With("tests/T.cs", Cite + "(\"Threat\", \"T-01\")]\n");
        Assert.Collection(Coverage.ThreatViolations(tree.Root),
            v => Assert.StartsWith("T-02 (threatmodel/THREATS.md:2) has no test", v, StringComparison.Ordinal),
            v => Assert.Equal("threatmodel/BannedSymbols.txt cites T-09, which THREATS.md does not list", v));
    }

    private static PlantedTree Tree() => new PlantedTree()
        .With("vault/SPEC.md", "# Vault\n\n- **V-01** A cell MUST be whole.\n- **V-02** Paper MUST be white.\n")
        .With(Coverage.ExceptionsFile, "# why\nV-02 shown by hand, see the README\n")
        .With("tests/A.cs", Cite + "(\"Spec\", \"V-01\")]\n");
}
