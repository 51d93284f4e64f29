using System.Text.Json;
using VmPod.Foundation;
using VmPod.Testing;
using VmPod.Vault.Keys;
using VmPod.Vault.Tests.Pods;

namespace VmPod.Vault.Tests.Reader;

/// <summary>vault/SPEC.md is enough to write another reader: one in Python, which shares no code, gives every generation as it was put.</summary>
[Collection(PodsCollection.Name)]
public sealed class IndependentReaderTests
{
    [Theory]
    [InlineData(CellSuite.HmacAes, 64)]
    [InlineData(CellSuite.Blake2bChaCha20, 64)]
    [InlineData(CellSuite.HmacAes, 16)]
    [Trait("Spec", "V-08")]
    [Trait("Spec", "V-14")]
    [Trait("Spec", "V-16")]
    [Trait("Spec", "V-25")]
    [Trait("Spec", "V-31")]
    [Trait("Spec", "V-34")]
    [Trait("Spec", "V-35")]
    [Trait("Spec", "V-115")]
    [Trait("Spec", "V-140")]
    [Trait("Spec", "V-143")]
    [Trait("Spec", "V-144")]
    [Trait("Spec", "V-145")]
    public async Task A_reader_in_another_language_gives_every_generation_with_every_codec(byte suite, int cellKiB)
    {
        using var pod = new TestPod(cellKiB * 1024, suite: suite);
        var session = new SessionOfAllCodecs(pod);
        pod.Vault.Dispose();
        var found = new List<JsonElement>();
        for (int generation = 1; generation <= session.Kept.Count; generation++)
        {
            string into = Path.Combine(pod.Root, $"read-{generation}");
            found.Add((await IndependentReader.ReadAsync(pod.Folder, $"{TestPod.Session}@{generation}", into)).MustSucceed().Json);
            FolderTree.AssertSame(session.Kept[generation - 1], into);
        }
        foreach (JsonElement said in found)
        {
            Assert.Equal("sound", said.GetProperty("log").GetString());
            Assert.Equal("whole", said.GetProperty("lineage").GetString());
            Assert.Equal(session.Kept.Count, said.GetProperty("generations").GetArrayLength());
            // Every chunk that is there has its tag, and each is that of its bytes.
            string[] stored = ["raw", "zstd", "patch", "pageref", "delta", "named"];
            Assert.Equal(stored.Sum(codec => said.Count("chunks", codec)), said.GetProperty("tags_checked").GetInt64());
        }
        // What was not there was not shown: each codec, each kind of page and each way to list leaves must occur.
        foreach ((string group, string name) in new[]
        {
            ("chunks", "zero"), ("chunks", "raw"), ("chunks", "zstd"), ("chunks", "patch"), ("chunks", "pageref"), ("chunks", "delta"), ("chunks", "named"),
            ("pages", "zero"), ("pages", "own"), ("pages", "target"), ("pages", "difference"),
            ("structure", "inline_runs"), ("structure", "leaf_runs"), ("structure", "map_leaves"), ("structure", "tag_leaves"),
        })
            Assert.True(found.Sum(said => said.Count(group, name)) > 0, $"no {name} in {group}");
    }
}
