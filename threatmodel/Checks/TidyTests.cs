using VmPod.Testing;
using Xunit;

namespace VmPod.ThreatModel.Checks;

public sealed class TidyTests
{
    [Fact]
    public void The_sources_are_tidy() => Violations.MustBeNone(Tidy.Violations(Repository.Root));

    // Each in two parts, or the check would find them here.
    [Theory]
    [InlineData("\tint a;", "has a tab")]
    [InlineData("int a; ", "ends with a blank")]
    [InlineData("// TO" + "DO: later", "unfinished work")]
    [InlineData("// FIX" + "ME", "unfinished work")]
    [InlineData("\"/home/" + "alice/x\"", "a path of somebody's machine")]
    [InlineData("\"/work/" + "main/x\"", "a path of somebody's machine")]
    [InlineData("\"C:" + "\\Users\\alice\"", "a path of somebody's machine")]
    [InlineData("https://api." + "nuget" + ".org/v3/index.json", "a host of packages")]
    [InlineData("http://deb" + ".debian.org/debian", "a host of packages")]
    public void A_planted_fault_is_found(string line, string expected)
    {
        using PlantedTree tree = new PlantedTree().With("vault/A.cs", "\n" + line + "\n");
        string violation = Assert.Single(Tidy.Violations(tree.Root));
        Assert.StartsWith("vault/A.cs:2 ", violation, StringComparison.Ordinal);
        Assert.Contains(expected, violation, StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_line_and_a_long_file_are_found_and_the_longest_permitted_are_not()
    {
        using PlantedTree tree = new PlantedTree()
            .With("vault/A.cs", new string('a', Tidy.ColumnsMax) + "\n").With("vault/B.cs", new string('\n', Tidy.LinesMax - 1))
            .With("vault/C.cs", new string('a', Tidy.ColumnsMax + 1) + "\n").With("vault/D.cs", new string('\n', Tidy.LinesMax));
        Assert.Equal(["vault/C.cs:1 has 161 columns, more than 160", "vault/D.cs has 601 lines, more than 600"], Tidy.Violations(tree.Root).Order());
    }

    [Fact]
    public void Faults_of_other_files_than_code_are_found_too_and_build_output_is_not_read()
    {
        using PlantedTree tree = new PlantedTree().With("README.md", "TO" + "DO\n").With("artifacts/A.cs", "TO" + "DO\n").With("Makefile", "a:\n\tb\n");
        Assert.StartsWith("README.md:1 ", Assert.Single(Tidy.Violations(tree.Root)), StringComparison.Ordinal);
    }
}
