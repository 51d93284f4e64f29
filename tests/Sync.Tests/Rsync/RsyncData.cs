using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using VmPod.Sync.Rsync.Deltas;
using VmPod.Sync.Rsync.Signatures;

namespace VmPod.Sync.Tests.Rsync;

/// <summary>Files for these tests, and the three steps in memory.</summary>
internal static class RsyncData
{
    /// <summary>Bytes of a random stream that is the same in every run, as tests/Vectors/rsync/v1/make.py has it.</summary>
    internal static byte[] Random(int stream, int begin, int count)
    {
        byte[] blocks = new byte[(begin % 32 + count + 31) / 32 * 32], name = new byte[8];
        BinaryPrimitives.WriteInt32BigEndian(name, stream);
        for (int at = 0; at < blocks.Length; at += 32)
        {
            BinaryPrimitives.WriteInt32BigEndian(name.AsSpan(4), begin / 32 + at / 32);
            SHA256.HashData(name, blocks.AsSpan(at));
        }
        return blocks.AsSpan(begin % 32, count).ToArray();
    }

    /// <summary>A file as the vectors tell it: r1:0:100, z:9, f:9, x:616263, joined.</summary>
    internal static byte[] Of(string terms) => [.. terms.Split(' ', StringSplitOptions.RemoveEmptyEntries).SelectMany(OfTerm)];

    internal static byte[] SignatureOf(byte[] basis, SignatureOptions options)
    {
        using var bytes = new MemoryStream();
        SignatureWriter.Write(SignatureBuilder.Build(basis, options), bytes);
        return bytes.ToArray();
    }

    internal static byte[] DeltaOf(Signature basis, byte[] source, DeltaSearch search = DeltaSearch.Everywhere)
    {
        using var delta = new MemoryStream();
        _ = DeltaBuilder.Build(basis, source, delta, search);
        return delta.ToArray();
    }

    /// <summary>Signs, compares and returns the delta.</summary>
    internal static byte[] DeltaOf(byte[] basis, byte[] source, SignatureOptions options, DeltaSearch search = DeltaSearch.Everywhere) =>
        DeltaOf(SignatureReader.Read(SignatureOf(basis, options), basis.Length), source, search);

    internal static byte[] Apply(byte[] basis, byte[] delta, int outputBytesMax)
    {
        byte[] output = new byte[outputBytesMax];
        return output[..DeltaApplier.Apply(basis, delta, output)];
    }

    private static byte[] OfTerm(string term)
    {
        string[] parts = term.Split(':');
        int Number(int i) => int.Parse(parts[i], CultureInfo.InvariantCulture);
        switch (parts[0][0])
        {
            case 'x':
                return Convert.FromHexString(parts[1]);
            case 'z':
                return new byte[Number(1)];
            case 'f':
                byte[] ones = new byte[Number(1)];
                ones.AsSpan().Fill(0xFF);
                return ones;
            default:
                return Random(int.Parse(parts[0].AsSpan(1), CultureInfo.InvariantCulture), Number(1), Number(2));
        }
    }
}
