using System.Security.Cryptography;
using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Tests.Cells;

[Trait("Threat", "T-24")]
public class FormatTests
{
    private static HeadRecord Head(int sessions = 3) => new()
    {
        VaultId = 77,
        Seq = 9,
        NvCounter = 4,
        TimeMs = 1_800_000_000_123,
        Frontier = Enumerable.Range(0, 11).Aggregate(LogFrontier.Empty, (tree, i) => tree.Append(DomainHash.Of(0, [(byte)i]))),
        LogBytes = 4711,
        Sessions = [.. Enumerable.Range(1, sessions).Select(i => new SessionEntry
        {
            Handle = (UInt128)i << 64,
            TipOffset = i == 2 ? -1 : i * 100,
            TipHash = i == 2 ? Digest.Zero : DomainHash.Of(0, [1]),
            Fence = 5,
            Term = 6,
            LeaseId = ulong.MaxValue,
            LeaseState = (LeaseState)(i % 2),
            Commits = (ulong)i,
        })],
        Signature = new byte[64],
    };

    private static byte[] Encode(HeadRecord head) => [.. head.EncodeUnsigned(), .. head.Signature.Span];

    [Fact]
    [Trait("Spec", "V-41")]
    public void AnIdIsTheHashOfAZeroByteAndTheCell()
    {
        var cell = RandomNumberGenerator.GetBytes(65_536);
        var id = CellId.Of(cell);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData([0, .. cell])), id.ToString());
        var bytes = new byte[32];
        id.WriteTo(bytes);
        Assert.Equal(id, CellId.ReadFrom(bytes));
        Assert.Equal(id.ToString(), Convert.ToHexStringLower(bytes));
    }

    [Fact]
    public void IdsCompareBytewise()
    {
        var ids = Enumerable.Range(0, 500).Select(i => CellId.Of([(byte)(i & 255), (byte)(i >> 8)])).ToArray();
        Assert.Equal(ids.OrderBy(id => id.ToString(), StringComparer.Ordinal), ids.Order());
    }

    [Fact]
    [Trait("Spec", "V-48")]
    [Trait("Spec", "V-50")]
    [Trait("Spec", "V-51")]
    public void AHeadHasOneEncoding()
    {
        var bytes = Encode(Head());
        Assert.Equal(bytes, Encode(HeadRecord.Parse(bytes)));
        Assert.Equal(4 + 16 + 5 * 8 + 3 * 32 + 2 + 3 * 129 + 64, bytes.Length);
        var (refused, accepted) = (0, 0);
        for (int bit = 0; bit < bytes.Length * 8; bit++)
        {
            var changed = bytes.ToArray();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            if (TryParse(changed) is { } head)
            {
                Assert.Equal(changed, Encode(head));
                accepted++;
            }
            else
            {
                refused++;
            }
        }
        // What is accepted differs in a value; the signature judges it. What changes the shape is refused.
        Assert.True(refused > 500 && accepted > 3000, $"{refused} refused, {accepted} accepted");
        for (int length = 0; length < bytes.Length; length++)
            Assert.Null(TryParse(bytes[..length]));
        Assert.Null(TryParse([.. bytes, 0]));
        Assert.Throws<ArgumentException>(() => (Head() with { Sessions = [.. Head().Sessions.Reverse()] }).EncodeUnsigned());
        Assert.True(Encode(Head(StoreLimits.SessionsMax)).Length <= StoreLimits.HeadBytesMax);
        Assert.Throws<ArgumentException>(() => Head(StoreLimits.SessionsMax + 1).EncodeUnsigned());
    }

    [Fact]
    [Trait("Spec", "V-52")]
    [Trait("Spec", "V-53")]
    public void ASlotIsRefusedForEveryFlippedBitAndAtTheOtherPlace()
    {
        var slot = new SlotRecord
        {
            Seq = 6,
            LogBytes = 1005,
            LogEntries = 4,
            HeadOffset = 800,
            HeadBytes = 200,
            HeadHash = DomainHash.Of(0, [9]),
            Cells = 5000
        };
        var bytes = slot.Encode();
        Assert.True(SlotRecord.TryParse(bytes, 0, out var read));
        Assert.Equal(slot, read);
        Assert.False(SlotRecord.TryParse(bytes, 1, out _));
        for (int bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(SlotRecord.TryParse(bytes, 0, out _), $"bit {bit}");
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
        // A checksum anyone can make does not make the rest canonical.
        bytes[2000] = 1;
        SHA256.HashData(bytes.AsSpan(0, 4064), bytes.AsSpan(4064));
        Assert.False(SlotRecord.TryParse(bytes, 0, out _));
    }

    [Fact]
    [Trait("Spec", "V-42")]
    [Trait("Spec", "V-43")]
    public void TheDescriptorHasOneEncodingAndANewerFormatIsSaidToBeNewer()
    {
        var bytes = PodFolder.Descriptor.Encode();
        Assert.Equal(PodFolder.Descriptor, VaultDescriptor.Parse(bytes));
        string text = System.Text.Encoding.UTF8.GetString(bytes);
        string[] bad =
        [
            "", "{}", "[]", "null", text + " ", text.Replace("\"suite\": 2", "\"suite\": 3", StringComparison.Ordinal),
                text.Replace("16384", "16385", StringComparison.Ordinal),
            text.Replace("  \"suite\": 2,\n", "", StringComparison.Ordinal),
                text.Replace("  \"suite\": 2,\n", "  \"suite\": 2,\n  \"more\": 1,\n", StringComparison.Ordinal),
            text.Replace("aabb", "AABB", StringComparison.Ordinal), text.Replace("00010203", "0001020", StringComparison.Ordinal),
                text.Replace("\n", "\r\n", StringComparison.Ordinal),
            text.Replace("\"format\": 1", "\"format\": 0", StringComparison.Ordinal),
                text.Replace("1800000000000", "1.8e12", StringComparison.Ordinal), new(' ', 5000),
        ];
        foreach (string json in bad)
            Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() =>
                VaultDescriptor.Parse(System.Text.Encoding.UTF8.GetBytes(json))).ExitCode);
        var newer = Assert.Throws<VmPodException>(() => VaultDescriptor.Parse("{\"format\": 2, \"unknown\": [1]}"u8));
        Assert.Equal(ExitCode.Refused, newer.ExitCode);
        Assert.Contains("format 2", newer.Message, StringComparison.Ordinal);
    }

    // The numbers of SPEC V-57, which were computed by a program of its own, in another language.
    [Fact]
    [Trait("Spec", "V-57")]
    public void TheKnownAnswersOfTheSpecificationHold()
    {
        Assert.Equal("4465d89da4f7f71b0ce211c9a63e834aa9c869358b85a9a64a9988eea3d6b7f0", CellId.Of(new byte[16_384]).ToString());
        Assert.Equal("a040461523bdf4a89ff79392b452f4005566de0bfb4ba662a36651d6eb927b3b", DomainHash.OfEntry(7, [1, 2, 3]).ToString());
        var ids = Enumerable.Range(0, 40).Select(i => CellId.Of([(byte)i])).ToArray();
        Assert.Equal(Digest.Zero, Root([]));
        Assert.Equal("88760bde9f43484ce6a64db3658636fbf3dfbc71472f414f2dc8c12fc4e4f388", Root(ids[..1]).ToString());
        Assert.Equal("46d2b142ce016d1e3c35d05dacd1a4f72c8f3ee08e38b1aae03974a723aef2b9", Root(ids[..16]).ToString());
        Assert.Equal("34696553e6ea6c0152a9e2b3047c787a0921bff863d2933528048de5424beb04", Root(ids[..17]).ToString());
        Assert.Equal("f3ff1d49e7fa37e554a113fc8cb9de31b39e91e5ca360bddacff8e95bc8e08a8", Root(ids).ToString());
        var ground = Enumerable.Range(0, 20).Select(i => CellId.ReadFrom([0xab, 0xcd, 0xef, 0x01, .. SHA256.HashData([(byte)i])[4..]]));
        Assert.Equal("364813c416ec93f4c5fa7126f2ca4023463a4857397b08f807ec59d230735119", Root(ground).ToString());
        var log = ids[..11].Aggregate(LogFrontier.Empty, (tree, id) => tree.Append(id.Value));
        Assert.Equal("e177ad5a8a17108dad67c70a51266681aa02b9e2b7ad6a0357585ba4289982ac", log.Root().ToString());
        var slot = new SlotRecord
        {
            Seq = 6,
            LogBytes = 1005,
            LogEntries = 4,
            HeadOffset = 800,
            HeadBytes = 200,
            HeadHash = DomainHash.Of(0, [9]),
            Cells = 5000
        };
        Assert.Equal("693fcfc8beb6183ee6f237bdedb872ff148a56deec32c5de9507581fb1db5e1a", Convert.ToHexStringLower(slot.Encode()[4064..]));
    }

    private static Digest Root(IEnumerable<CellId> ids)
    {
        var set = new LiveSet();
        foreach (var id in ids)
            Assert.True(set.Add(id));
        return set.Root();
    }

    private static HeadRecord? TryParse(byte[] bytes)
    {
        try
        {
            return HeadRecord.Parse(bytes);
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged)
        {
            return null;
        }
    }
}
