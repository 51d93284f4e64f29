using System.Buffers.Binary;
using System.Security.Cryptography;
using CsCheck;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Tests.Cells;

public class LiveSetTests
{
    // Ids that share prefixes of up to 10 nibbles, so that every depth and the list at depth 8 are reached.
    private static readonly Gen<CellId> s_id = Gen.Select(Gen.Int[0, 10], Gen.Int[0, 3], Gen.UInt, (shared, family, rest) =>
    {
        var bytes = SHA256.HashData([.. BitConverter.GetBytes(rest % 4000), (byte)family]);
        for (int nibble = 0; nibble < shared; nibble++)
            bytes[nibble / 2] = (byte)(nibble % 2 == 0 ? bytes[nibble / 2] & 0x0F | family << 4 : bytes[nibble / 2] & 0xF0 | family);
        return CellId.ReadFrom(bytes);
    });

    [Fact]
    [Trait("Spec", "V-56")]
    public void TheRootIsThatOfTheNaiveTreeWhateverTheOrderOfChanges()
    {
        Gen.Select(s_id, Gen.Int[0, 3]).Array[0, 400].Sample(changes =>
        {
            var set = new LiveSet();
            var model = new SortedSet<CellId>();
            foreach (var (id, kind) in changes)
            {
                if (kind == 0)
                    Assert.Equal(model.Remove(id), set.Remove(id));
                else
                    Assert.Equal(model.Add(id), set.Add(id));
                if (kind == 3 && model.Count % 16 == 0)
                    Assert.Equal(Naive(0, [.. model]), set.Root());
            }
            Assert.Equal(model.Count, set.Count);
            Assert.Equal(model, set.Enumerate());
            Assert.Equal(Naive(0, [.. model]), set.Root());
            Assert.All(changes.Take(20), change => Assert.Equal(model.Contains(change.Item1), set.Contains(change.Item1)));
            var copy = set.Clone();
            foreach (var id in model)
                Assert.True(copy.Remove(id));
            Assert.Equal(Digest.Zero, copy.Root());
            Assert.Equal(model.Count, set.Count);
        }, iter: 300);
    }

    [Fact]
    public void ASmallSetIsAListAndALargeOneANodeAtTheBoundOfSixteen()
    {
        var ids = Enumerable.Range(0, 17).Select(i => CellId.Of([(byte)i])).ToArray();
        var set = new LiveSet();
        foreach (var id in ids[..16])
            Assert.True(set.Add(id));
        Assert.Equal(Naive(0, [.. ids[..16].Order()]), set.Root());
        Assert.True(set.Add(ids[16]));
        Assert.Equal(Naive(0, [.. ids.Order()]), set.Root());
        Assert.True(set.Remove(ids[16]));
        Assert.Equal(Naive(0, [.. ids[..16].Order()]), set.Root());
    }

    // The definition of SPEC V-56, on hexadecimal text and nothing shared with the implementation.
    private static Digest Naive(int depth, CellId[] sorted)
    {
        if (sorted.Length == 0)
            return Digest.Zero;
        var bytes = new List<byte>();
        if (sorted.Length <= 16 || depth == 8)
        {
            bytes.Add(2);
            var count = new byte[4];
            BinaryPrimitives.WriteInt32BigEndian(count, sorted.Length);
            bytes.AddRange(count);
            foreach (var id in sorted)
                bytes.AddRange(Convert.FromHexString(id.ToString()));
        }
        else
        {
            bytes.Add(3);
            foreach (char digit in "0123456789abcdef")
                bytes.AddRange(Convert.FromHexString(Naive(depth + 1, [.. sorted.Where(id => id.ToString()[depth] == digit)]).ToString()));
        }
        return Digest.ReadFrom(SHA256.HashData([.. bytes]));
    }
}
