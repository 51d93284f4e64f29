using VmPod.Foundation;

namespace VmPod.Vault.Format;

/// <summary>The sealed root of a commit: streams, and the runs of the map and of the tag table (SPEC, "Manifest").</summary>
public sealed record Manifest
{
    private const uint Magic = 0x5650_4D31; // "VPM1"

    /// <summary>Number of the last batch of cells in the commit; must equal that of the signed record.</summary>
    public required ulong Number { get; init; }

    /// <summary>What it is; must equal that of the signed record.</summary>
    public required GenerationKind Kind { get; init; }

    /// <summary>A word on why it was made ("suspend", "checkpoint", "put").</summary>
    public required string Label { get; init; }

    /// <summary>Number for the next new stream.</summary>
    public required uint NextStream { get; init; }

    /// <summary>The streams, by rising number.</summary>
    public required IReadOnlyList<StreamInfo> Streams { get; init; }

    /// <summary>Runs of the map, newest first.</summary>
    public required IReadOnlyList<RunDescriptor> Map { get; init; }

    /// <summary>Runs of the tag table, newest first.</summary>
    public required IReadOnlyList<RunDescriptor> Tags { get; init; }

    /// <summary>The manifest's bytes.</summary>
    public byte[] ToBytes()
    {
        var writer = new ByteWriter().UInt32(Magic).VarInt(Number).Byte((byte)Kind).Text(Label).VarInt(NextStream).VarInt((ulong)Streams.Count);
        uint before = 0;
        foreach (StreamInfo stream in Streams)
        {
            writer.VarInt(stream.Number - before).Byte((byte)stream.Kind).Text(stream.Name).VarInt((ulong)stream.Length).VarInt(stream.Mode)
                .UInt64(unchecked((ulong)stream.ModifiedNs));
            before = stream.Number;
        }
        WriteRuns(writer, Map);
        WriteRuns(writer, Tags);
        return writer.Length <= FormatLimits.ManifestBytesMax
            ? writer.Written.ToArray()
            : throw new VmPodException(ExitCode.NoSpace, "The session has too many or too long file names for one manifest (16 MiB).", "Put fewer files.");
    }

    /// <summary>Reads a manifest. False unless canonical.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out Manifest? manifest)
    {
        manifest = null;
        var r = new ByteReader(bytes);
        r.Require(r.UInt32() == Magic);
        ulong number = r.VarInt();
        byte kind = r.Byte();
        r.Require(kind is >= 1 and <= 3);
        string label = r.Text(FormatLimits.SessionNameBytesMax);
        uint nextStream = (uint)r.VarIntAtMost(int.MaxValue);
        int count = r.VarIntAtMost(FormatLimits.StreamsMax);
        var streams = new List<StreamInfo>(Math.Min(count, r.Remaining));
        // A name is one file's: a second one would be written over it.
        var names = new HashSet<string>(StringComparer.Ordinal);
        ulong before = 0;
        for (int i = 0; i < count && !r.Failed; i++)
        {
            ulong step = r.VarInt();
            r.Require(step <= nextStream && (i == 0 || step > 0) && before + step < nextStream);
            before = unchecked(before + step);
            byte streamKind = r.Byte();
            string name = r.Text(FormatLimits.NameBytesMax);
            ulong length = r.VarInt();
            uint mode = (uint)r.VarIntAtMost(0xFFFF);
            long modified = unchecked((long)r.UInt64());
            r.Require(names.Add(name) && streamKind is >= (byte)StreamKind.File and <= (byte)StreamKind.Container
                && StreamInfo.IsSafeName(name) && length <= (ulong)FormatLimits.StreamBytesMax);
            if (!r.Failed)
                streams.Add(new StreamInfo((uint)before, (StreamKind)streamKind, name, (long)length, mode, modified));
        }
        List<RunDescriptor> map = ReadRuns(ref r), tags = ReadRuns(ref r);
        if (!r.IsAtEnd)
            return false;
        manifest = new Manifest
        {
            Number = number,
            Kind = (GenerationKind)kind,
            Label = label,
            NextStream = nextStream,
            Streams = streams,
            Map = map,
            Tags = tags,
        };
        return true;
    }

    private static void WriteRuns(ByteWriter writer, IReadOnlyList<RunDescriptor> runs)
    {
        writer.VarInt((ulong)runs.Count);
        foreach (RunDescriptor run in runs)
            run.WriteTo(writer);
    }

    private static List<RunDescriptor> ReadRuns(ref ByteReader reader)
    {
        int count = reader.VarIntAtMost(FormatLimits.RunsMax);
        var runs = new List<RunDescriptor>();
        for (int i = 0; i < count && !reader.Failed; i++)
            runs.Add(RunDescriptor.Read(ref reader));
        return runs;
    }
}
