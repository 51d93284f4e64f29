using VmPod.Testing;
using Xunit;

namespace VmPod.ThreatModel.Checks;

public sealed class DependencyDirectionTests
{
    private static readonly ProjectRule[] TwoRules =
    [
        new("VmPod.Sync", ["VmPod.Format"], [], @"\bAesGcm\b", "it cannot name a key"),
        new("VmPod.Format", [], [], "", "it knows the bytes"),
        new("VmPod.Vault", ["VmPod.Format"], ["NSec.Cryptography"], "", "it knows keys"),
    ];

    [Fact]
    public void Every_project_knows_only_what_the_table_permits() =>
        Violations.MustBeNone(DependencyDirection.Violations(Repository.Root, DependencyDirection.Rules));

    [Fact]
    public void A_tree_within_the_table_is_accepted()
    {
        using PlantedTree tree = Tree();
        Assert.Empty(DependencyDirection.Violations(tree.Root, TwoRules));
    }

    [Fact]
    public void A_reference_from_sync_to_the_vault_is_found()
    {
        using PlantedTree tree = Tree().With("sync/VmPod.Sync.csproj", Project("ProjectReference", "../vault/VmPod.Vault.csproj"));
        Assert.Contains("VmPod.Sync reaches VmPod.Vault, but it cannot name a key", DependencyDirection.Violations(tree.Root, TwoRules));
    }

    [Fact]
    public void A_reference_through_a_permitted_project_is_found()
    {
        using PlantedTree tree = Tree().With("vault/VmPod.Format.csproj", Project("ProjectReference", @"..\vault\VmPod.Vault.csproj"));
        Assert.Contains("VmPod.Sync reaches VmPod.Vault, but it cannot name a key", DependencyDirection.Violations(tree.Root, TwoRules));
    }

    [Fact]
    public void A_package_that_the_table_does_not_name_is_found()
    {
        using PlantedTree tree = Tree().With("sync/VmPod.Sync.csproj", Project("PackageReference", "NSec.Cryptography"));
        Assert.Equal(["VmPod.Sync uses the package NSec.Cryptography, but it cannot name a key"], DependencyDirection.Violations(tree.Root, TwoRules));
    }

    [Fact]
    public void A_project_outside_the_table_is_found()
    {
        using PlantedTree tree = Tree().With("vault/VmPod.Other.csproj", Project("PackageReference", "Serilog"));
        Assert.StartsWith("VmPod.Other is not in the table", Assert.Single(DependencyDirection.Violations(tree.Root, TwoRules)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_cipher_in_a_keyless_project_is_found_and_a_comment_about_it_is_not()
    {
        using PlantedTree tree = Tree().With("sync/A.cs", "// AesGcm is not for here\n").With("sync/B.cs", "\nusing var a = new AesGcm(key);\n");
        Assert.StartsWith("sync/B.cs:2 says AesGcm", Assert.Single(DependencyDirection.Violations(tree.Root, TwoRules)), StringComparison.Ordinal);
    }

    private static PlantedTree Tree() => new PlantedTree()
        .With("sync/VmPod.Sync.csproj", Project("ProjectReference", "../vault/VmPod.Format.csproj"))
        .With("vault/VmPod.Format.csproj", "<Project/>")
        .With("vault/VmPod.Vault.csproj", Project("PackageReference", "NSec.Cryptography"))
        .With("tests/VmPod.Anything.csproj", Project("ProjectReference", "../vault/VmPod.Vault.csproj"));

    private static string Project(string element, string include) => $"<Project><ItemGroup><{element} Include=\"{include}\" /></ItemGroup></Project>";
}
