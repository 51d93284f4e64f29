using System.Text;

namespace VmPod.Sync.Rsync;

/// <summary>What both files begin with: magic, version, and metadata in JSON after their length (SPEC S-140).</summary>
internal static class RsyncHeader
{
    internal static ReadOnlySpan<byte> Signature => "FRSNCSG"u8;

    internal static ReadOnlySpan<byte> Delta => "FRSNCDLTA"u8;

    /// <summary>Reads to the end of the metadata.</summary>
    /// <param name="input">At its begin; the result holds until its next use.</param>
    /// <param name="magic">What must stand there.</param>
    internal static ReadOnlySpan<byte> Read(ref RsyncInput input, ReadOnlySpan<byte> magic)
    {
        ReadOnlySpan<byte> first = input.Take(magic.Length);
        if (!first.SequenceEqual(magic))
        {
            if (first.StartsWith("OCTO"u8))
                throw RsyncFault.Refused("it has Octodiff's older format");
            throw RsyncFault.Broken("it does not begin as one");
        }
        if (input.Byte() != RsyncLimits.Version)
            throw RsyncFault.Refused("it has another version");
        int length = input.Byte();
        if (length >= 0x80)
        {
            int high = input.Byte();
            if (high is 0 or >= 0x80)
                throw RsyncFault.Broken("the length of its metadata");
            length = (length & 0x7F) | high << 7;
        }
        if (length is 0 or > RsyncLimits.MetadataBytesMax)
            throw RsyncFault.Broken("the length of its metadata");
        return input.Take(length);
    }

    /// <summary>The bytes to the end of the metadata.</summary>
    internal static byte[] Write(ReadOnlySpan<byte> magic, string metadata)
    {
        byte[] json = Encoding.ASCII.GetBytes(metadata);
        ReadOnlySpan<byte> length = json.Length < 0x80 ? [(byte)json.Length] : [(byte)(json.Length & 0x7F | 0x80), (byte)(json.Length >> 7)];
        return [.. magic, RsyncLimits.Version, .. length, .. json];
    }
}
