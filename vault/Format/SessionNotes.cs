namespace VmPod.Vault.Format;

/// <summary>What a host learned of a session and keeps for the next (SPEC V-152). Hints: no byte depends on them.</summary>
/// <param name="Seed">Of the hashes of the page index that is kept with the session.</param>
/// <param name="FirstUse">The pages that the machine read first after a resume, in that order.</param>
public sealed record SessionNotes(ulong Seed, IReadOnlyList<StreamPage> FirstUse)
{
    /// <summary>Pages of the list: 16 MiB. A guest of 1 GiB reads some 9 MiB in its first seconds; what is read ahead leaves most of a host's cache to the
    /// rest. So many pages, each in a run of its own, fit one chunk.</summary>
    public const int PagesMax = 4096;

    private const byte Version = 1;

    private const ulong PageNumbersMax = (ulong)(FormatLimits.StreamBytesMax / FormatLimits.PageBytes);

    /// <summary>The bytes: the list as runs of pages.</summary>
    public byte[] ToBytes()
    {
        IReadOnlyList<StreamPage> pages = FirstUse;
        var writer = new ByteWriter().Byte(Version).UInt64(Seed);
        ulong expected = 0;
        for (int i = 0; i < pages.Count;)
        {
            StreamPage first = pages[i];
            int count = 1;
            while (i + count < pages.Count && pages[i + count] == first with { Page = first.Page + (uint)count })
                count++;
            long step = (long)first.Page - (long)expected;
            writer.VarInt(first.Stream).VarInt((ulong)(step << 1 ^ step >> 63)).VarInt((ulong)count);
            expected = first.Page + (uint)count;
            i += count;
        }
        return writer.Written.ToArray();
    }

    /// <summary>Reads them. Null unless they are written in the one way: longest runs, no page twice.</summary>
    public static SessionNotes? TryRead(ReadOnlySpan<byte> bytes)
    {
        var list = new List<StreamPage>();
        var seen = new HashSet<StreamPage>();
        var reader = new ByteReader(bytes);
        reader.Require(reader.Byte() == Version);
        ulong seed = reader.UInt64();
        StreamPage expected = default;
        while (!reader.Failed && reader.Remaining > 0)
        {
            ulong stream = reader.VarInt(), zigzag = reader.VarInt();
            int count = reader.VarIntAtMost(PagesMax - list.Count);
            reader.Require(stream < InternalStream.First && zigzag <= PageNumbersMax << 1 && count > 0);
            if (reader.Failed)
                return null;
            long first = (long)expected.Page + ((long)(zigzag >> 1) ^ -(long)(zigzag & 1));
            var at = new StreamPage((uint)stream, unchecked((ulong)first));
            reader.Require(first >= 0 && first + count <= (long)PageNumbersMax && (list.Count == 0 || at != expected));
            for (int i = 0; i < count && !reader.Failed; i++, at = at with { Page = at.Page + 1 })
            {
                reader.Require(seen.Add(at));
                list.Add(at);
            }
            expected = at;
        }
        return reader.Failed ? null : new SessionNotes(seed, list);
    }
}
