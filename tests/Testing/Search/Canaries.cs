using System.Security.Cryptography;

namespace VmPod.Testing;

/// <summary>Random values to plant in a guest and to look for outside it.</summary>
/// <remarks>Canary = SHA-256("vmpod canary" || seed), computed by the guest and by the searching test. Only seeds pass through sockets and processes, so a
/// canary found outside the guest came out of the guest.</remarks>
public sealed class Canaries
{
    /// <summary>Draws new ones.</summary>
    public Canaries(int count = 8)
    {
        byte[][] seeds = [.. Enumerable.Range(0, count).Select(_ => RandomNumberGenerator.GetBytes(16))];
        Seeds = [.. seeds.Select(Convert.ToHexStringLower)];
        Patterns = [.. seeds.Select(seed => SHA256.HashData([.. "vmpod canary"u8, .. seed]))];
    }

    /// <summary>The seeds, hexadecimal.</summary>
    public IReadOnlyList<string> Seeds { get; }

    /// <summary>The canaries, 32 bytes each.</summary>
    public IReadOnlyList<byte[]> Patterns { get; }
}
