using System.Buffers.Binary;
using System.Security.Cryptography;

namespace VmPod.Vault;

/// <summary>Random numbers for ids.</summary>
internal static class RandomNumberSource
{
    /// <summary>64 random bits.</summary>
    public static ulong UInt64()
    {
        Span<byte> bytes = stackalloc byte[8];
        RandomNumberGenerator.Fill(bytes);
        return BinaryPrimitives.ReadUInt64BigEndian(bytes);
    }
}
