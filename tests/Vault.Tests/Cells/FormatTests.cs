using System.Security.Cryptography;
using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Tests.Cells;

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
    public void ASlotIsRefusedForEveryFlippedBitAndAtTheOtherPlace()
    {
        var slot = new SlotRecord { Seq = 6, LogBytes = 1005, LogEntries = 4, HeadOffset = 800, HeadBytes = 200, HeadHash = DomainHash.Of(0, [9]), Cells = 5000 };
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
    public void TheDescriptorHasOneEncodingAndANewerFormatIsSaidToBeNewer()
    {
        var bytes = PodFolder.Descriptor.Encode();
        Assert.Equal(PodFolder.Descriptor, VaultDescriptor.Parse(bytes));
        string text = System.Text.Encoding.UTF8.GetString(bytes);
        string[] bad =
        [
            "", "{}", "[]", "null", text + " ", text.Replace("\"suite\": 2", "\"suite\": 3", StringComparison.Ordinal), text.Replace("16384", "16385", StringComparison.Ordinal),
            text.Replace("  \"suite\": 2,\n", "", StringComparison.Ordinal), text.Replace("  \"suite\": 2,\n", "  \"suite\": 2,\n  \"more\": 1,\n", StringComparison.Ordinal),
            text.Replace("aabb", "AABB", StringComparison.Ordinal), text.Replace("00010203", "0001020", StringComparison.Ordinal), text.Replace("\n", "\r\n", StringComparison.Ordinal),
            text.Replace("\"format\": 1", "\"format\": 0", StringComparison.Ordinal), text.Replace("1800000000000", "1.8e12", StringComparison.Ordinal), new(' ', 5000),
        ];
        foreach (string json in bad)
            Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => VaultDescriptor.Parse(System.Text.Encoding.UTF8.GetBytes(json))).ExitCode);
        var newer = Assert.Throws<VmPodException>(() => VaultDescriptor.Parse("{\"format\": 2, \"unknown\": [1]}"u8));
        Assert.Equal(ExitCode.Refused, newer.ExitCode);
        Assert.Contains("format 2", newer.Message, StringComparison.Ordinal);
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
