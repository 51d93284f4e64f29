using System.Buffers.Binary;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;

namespace VmPod.Vault.House;

/// <summary>
/// v1/forgets: which FORGETs this pod, unlocked, found to be signed by its owner (V-171), so that a signature is looked at once and not by every command of
/// every evening. A cache: it may be deleted, torn, or of another vault. It is believed only under a MAC by a key of the vault's own.
/// </summary>
/// <remarks>
/// Layout: "VPF1", 0 (4 bytes), vault id 16, owner's public key 32, count u64; hashes of entries 32 each, ascending; BLAKE2b-256 of all before it. Never
/// synced. An entry's hash covers all of the entry, so nothing else of it need be kept. Not thread-safe.
/// </remarks>
internal sealed class CheckedForgets(string path, UInt128 vaultId)
{
    // 2 MiB of file; at five a day some 35 years. Beyond it signatures are looked at as without a cache.
    private const int HashesMax = 65_536;

    private const int HeaderBytes = 64, MacBytes = Blake2b.Size;
    private const string KeyLabel = "forgets";

    private readonly HashSet<Digest> hashes = [];
    private byte[] ownerKey = [];
    private int saved;

    private static ReadOnlySpan<byte> Magic => "VPF1\0\0\0\0"u8;

    /// <summary>Begins with what the file says of this owner's entries, which is nothing if it cannot be used.</summary>
    public void Load(SecretBuffer vaultKey, ReadOnlySpan<byte> owner)
    {
        hashes.Clear();
        ownerKey = owner.ToArray();
        if (TryReadFile() is { } bytes && IsSound(bytes, vaultKey))
        {
            for (int at = HeaderBytes; at < bytes.Length - MacBytes; at += Digest.Size)
                hashes.Add(Digest.ReadFrom(bytes.AsSpan(at, Digest.Size)));
        }
        saved = hashes.Count;
    }

    /// <summary>True if the entry with this hash is one that this owner signed. False says nothing.</summary>
    public bool Has(in Digest entry, ReadOnlySpan<byte> owner) => owner.SequenceEqual(ownerKey) && hashes.Contains(entry);

    /// <summary>The entry with this hash was found to be signed by this owner.</summary>
    public void Add(in Digest entry, ReadOnlySpan<byte> owner)
    {
        if (owner.SequenceEqual(ownerKey) && hashes.Count < HashesMax)
            hashes.Add(entry);
    }

    /// <summary>Writes down what was learnt, if anything was. What cannot be written is looked at again next time.</summary>
    public void Save(SecretBuffer vaultKey)
    {
        if (hashes.Count == saved)
            return;
        byte[] bytes = new byte[HeaderBytes + hashes.Count * Digest.Size + MacBytes];
        WriteHeader(bytes);
        int at = HeaderBytes;
        foreach (Digest hash in hashes.Order())
        {
            hash.WriteTo(bytes.AsSpan(at));
            at += Digest.Size;
        }
        Mac(vaultKey, bytes.AsSpan(0, at), bytes.AsSpan(at));
        try
        {
            using SafeFileHandle file = Libc.OpenFile(path, write: true, create: true)!;
            Libc.Write(file, bytes, 0);
            Libc.SetLength(file, bytes.Length);
            saved = hashes.Count;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full or failing disk: the log itself says so where it matters.
        }
    }

    private void WriteHeader(Span<byte> to)
    {
        Magic.CopyTo(to);
        BinaryPrimitives.WriteUInt128BigEndian(to[8..], vaultId);
        ownerKey.CopyTo(to[24..]);
        BinaryPrimitives.WriteInt64BigEndian(to[56..], hashes.Count);
    }

    private bool IsSound(byte[] bytes, SecretBuffer vaultKey)
    {
        Span<byte> mac = stackalloc byte[MacBytes];
        ReadOnlySpan<byte> said = bytes.AsSpan(0, bytes.Length - MacBytes);
        Mac(vaultKey, said, mac);
        return CryptographicOperations.FixedTimeEquals(mac, bytes.AsSpan(said.Length)) && said.StartsWith(Magic)
            && BinaryPrimitives.ReadUInt128BigEndian(said[8..]) == vaultId && said.Slice(24, ownerKey.Length).SequenceEqual(ownerKey);
    }

    private void Mac(SecretBuffer vaultKey, ReadOnlySpan<byte> bytes, Span<byte> mac)
    {
        using SecretBuffer key = KeyDerivation.Derive(vaultKey, KeyLabel, vaultId);
        Blake2b.HashData(key.ReadOnlyBytes, bytes, mac);
    }

    private byte[]? TryReadFile()
    {
        try
        {
            using SafeFileHandle? file = Libc.OpenFile(path, write: false, create: false);
            if (file is null)
                return null;
            long length = RandomAccess.GetLength(file), rows = length - HeaderBytes - MacBytes;
            if (rows < 0 || rows > (long)HashesMax * Digest.Size || rows % Digest.Size != 0)
                return null;
            byte[] bytes = new byte[length];
            int filled = 0;
            while (filled < bytes.Length && RandomAccess.Read(file, bytes.AsSpan(filled), filled) is > 0 and int read)
                filled += read;
            return filled == bytes.Length ? bytes : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
