namespace VmPod.Vault.Format;

/// <summary>The pages that a machine read first after a resume, in that order, as they stand in the session (SPEC V-152). A hint: no byte depends on it.</summary>
public static class FirstUseList
{
    /// <summary>Pages of a list: 16 MiB. A guest of 1 GiB reads some 9 MiB in its first seconds; what is read ahead leaves most of a host's cache to the rest.
    /// So many pages, each in a run of its own, fit one chunk.</summary>
    public const int PagesMax = 4096;

    private const byte Version = 1;

    private const ulong PageNumbersMax = (ulong)(FormatLimits.StreamBytesMax / FormatLimits.PageBytes);

    /// <summary>The list's bytes: runs of pages.</summary>
    public static byte[] ToBytes(IReadOnlyList<StreamPage> pages)
    {
        var writer = new ByteWriter().Byte(Version);
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

    /// <summary>Reads a list. False unless it is written in the one way: longest runs, no page twice.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out IReadOnlyList<StreamPage> pages)
    {
        var list = new List<StreamPage>();
        var seen = new HashSet<StreamPage>();
        pages = list;
        var reader = new ByteReader(bytes);
        reader.Require(reader.Byte() == Version);
        StreamPage expected = default;
        while (!reader.Failed && reader.Remaining > 0)
        {
            ulong stream = reader.VarInt(), zigzag = reader.VarInt();
            int count = reader.VarIntAtMost(PagesMax - list.Count);
            reader.Require(stream < InternalStream.First && zigzag <= PageNumbersMax << 1 && count > 0);
            if (reader.Failed)
                return false;
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
        return !reader.Failed;
    }
}
