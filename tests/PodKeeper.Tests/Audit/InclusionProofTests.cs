using System.Security.Cryptography;
using System.Text.Json;
using VmPod.Audit;
using Xunit;

namespace VmPod.PodKeeper.Tests.Audit;

public sealed class InclusionProofTests(ITestOutputHelper output)
{
    private const int VectorsKnown = 98;

    [Fact]
    [Trait("Spec", "P-27")]
    public void The_inclusion_vectors_of_transparency_dev_are_judged_as_they_say()
    {
        string? folder = Repository.Vectors("merkle");
        string[] files = folder is null ? [] :
            Directory.GetFiles(Path.Combine(folder, "testdata", "inclusion"), "*.json", SearchOption.AllDirectories);
        int accepted = 0, refused = 0;
        foreach (string file in files)
        {
            using JsonDocument vector = JsonDocument.Parse(File.ReadAllBytes(file));
            bool holds = Holds(vector.RootElement);
            Assert.True(holds != vector.RootElement.GetProperty("wantErr").GetBoolean(), file);
            _ = holds ? accepted++ : refused++;
        }
        output.WriteLine($"RFC 6962 inclusion vectors: {accepted} accepted, {refused} refused, "
            + $"{VectorsKnown - files.Length} of {VectorsKnown} not found.");
        // Where they are, both kinds must be: a verifier that refuses all would look good on the negative ones.
        Assert.Equal(files.Length > 0 ? (6, VectorsKnown - 6) : (0, 0), (accepted, refused));
    }

    private static bool Holds(JsonElement vector)
    {
        JsonElement proof = vector.GetProperty("proof");
        byte[][] hashes = proof.ValueKind == JsonValueKind.Null ? [] : [.. proof.EnumerateArray().Select(h => h.GetBytesFromBase64())];
        // Indices are u64 there; those beyond i64 become negative, which is refused as they must be.
        return InclusionProof.Verify(
            unchecked((long)vector.GetProperty("leafIdx").GetUInt64()),
            unchecked((long)vector.GetProperty("treeSize").GetUInt64()),
            vector.GetProperty("leafHash").GetBytesFromBase64(),
            vector.GetProperty("root").GetBytesFromBase64(),
            hashes);
    }

    // RFC 6962 section 2.1 as it is written there: the tree that frontier and proofs must agree with.
    private static byte[] TreeHash(ReadOnlySpan<byte[]> leaves)
    {
        if (leaves.Length == 0)
            return SHA256.HashData([]);
        if (leaves.Length == 1)
            return leaves[0];
        int k = 1;
        while (k * 2 < leaves.Length)
            k *= 2;
        return SHA256.HashData([1, .. TreeHash(leaves[..k]), .. TreeHash(leaves[k..])]);
    }

    [Fact]
    public void The_frontier_has_the_root_of_the_tree_and_every_leaf_has_a_proof_for_it_and_for_no_other()
    {
        var frontier = new MerkleFrontier();
        List<byte[]> leaves = [];
        for (int size = 0; size <= 70; size++)
        {
            byte[] root = frontier.Root();
            Assert.Equal(TreeHash(leaves.ToArray()), root);
            for (int index = 0; index < size; index++)
            {
                List<byte[]> proof = InclusionProof.Subtrees(index, size).ConvertAll(
                    s => TreeHash(leaves.ToArray().AsSpan((int)s.Start..(int)s.End)));
                Assert.True(InclusionProof.Verify(index, size, leaves[index], root, proof));
                Assert.False(InclusionProof.Verify(index, size, leaves[(index + 1) % size], root, proof) && size > 1);
                Assert.False(InclusionProof.Verify(index, size, leaves[index], root, [.. proof, root]));
                Assert.False(InclusionProof.Verify(index + 1, size, leaves[index], root, proof));
            }
            leaves.Add(MerkleHash.Leaf([(byte)size]));
            frontier.Add(leaves[^1]);
        }
    }

    [Fact]
    public void A_leaf_cannot_pass_for_a_node()
    {
        byte[] left = MerkleHash.Leaf([1]), right = MerkleHash.Leaf([2]);
        Assert.NotEqual(MerkleHash.Node(left, right), MerkleHash.Leaf([.. left, .. right]));
        // RFC 6962's empty-string leaf and the first node of its test tree (certificate-transparency, 2012).
        Assert.Equal("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", Convert.ToHexStringLower(MerkleHash.Leaf([])));
        Assert.Equal(
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            Convert.ToHexStringLower(MerkleHash.Node(MerkleHash.Leaf([]), MerkleHash.Leaf([0]))));
    }
}
