using System.Globalization;

namespace VmPod.Vault.Cells;

/// <summary>The names of the store's files, relative to the pod folder (V-40).</summary>
internal static class StoreNames
{
    internal const string Root = "";
    internal const string Descriptor = "vault.json";
    internal const string DescriptorDraft = "vault.json.new";
    internal const string Version = "v1";
    internal const string Segments = "v1/segments";
    internal const string Index = "v1/index";
    internal const string IndexDraft = "v1/index.new";
    internal const string Log = "v1/log";
    internal const string Slots = "v1/slots.bin";
    internal const string SlotsDraft = "v1/slots.bin.new";
    internal const string Lock = "v1/lock";
    internal const string Mirror = "v1/mirror";
    internal const string Probe = "v1/holes.new";

    // Two, so that one can be written while a slot names the other.
    internal static readonly string[] FreeMaps = ["v1/freed.0", "v1/freed.1"];

    internal static string Segment(int number) => string.Create(CultureInfo.InvariantCulture, $"{Segments}/{number:D6}.seg");

    /// <summary>The number in "000123.seg", or null for any other name.</summary>
    internal static int? SegmentNumber(string fileName) =>
        fileName.Length == 10 && fileName.EndsWith(".seg", StringComparison.Ordinal)
        && int.TryParse(fileName.AsSpan(0, 6), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;
}
