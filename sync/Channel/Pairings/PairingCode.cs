using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using VmPod.Secrets;

namespace VmPod.Sync.Channel.Pairings;

/// <summary>
/// The code that a pod shows: a one-time secret of 256 bits, perhaps with the pod's address (sync/SPEC.md, S-41):
/// <c>vmpod-pair:1:ADDRESS:SECRET:CHECK</c>. Whoever reads it can pair until it is used or five minutes old.
/// </summary>
/// <remarks>Owns the secret. The text is a secret too, so it is bytes in locked memory and never a string; on its way to a screen it passes through
/// buffers that nobody zeroes, and is worthless soon after.</remarks>
public sealed class PairingCode : IDisposable
{
    // 20 bits: a code with a mistyped character passes as whole once in a million times, and then fails to pair.
    private const int CheckChars = 4, CheckBytes = 3;

    private static readonly SearchValues<byte> AddressCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]%"u8);

    private PairingCode(string address, SecretBuffer secret)
    {
        Address = address;
        Secret = secret;
    }

    /// <summary>Where the pod listens, as host:port, or empty.</summary>
    public string Address { get; }

    internal SecretBuffer Secret { get; }

    private static ReadOnlySpan<byte> Prefix => "vmpod-pair:1:"u8;

    /// <summary>The code as it is shown: ASCII without a line end.</summary>
    public SecretBuffer ToText()
    {
        int secretChars = Base32.Length(PairingLimits.SecretBytes);
        return SecretBuffer.Create(Prefix.Length + Address.Length + 1 + secretChars + 1 + CheckChars, text =>
        {
            Prefix.CopyTo(text);
            int n = Prefix.Length + Encoding.ASCII.GetBytes(Address, text[Prefix.Length..]);
            text[n++] = (byte)':';
            Base32.Write(Secret.ReadOnlyBytes, text[n..]);
            n += secretChars;
            Check(text[..n], text[(n + 1)..]);
            text[n] = (byte)':';
        });
    }

    /// <summary>Reads a code as shown or typed: letters of secret and check in either case, blanks and line ends around it. False if it is not whole.</summary>
    public static bool TryRead(ReadOnlySpan<byte> text, out PairingCode? code)
    {
        code = null;
        text = text.Trim(" \t\r\n"u8);
        int secretChars = Base32.Length(PairingLimits.SecretBytes);
        int addressLength = text.Length - Prefix.Length - 1 - secretChars - 1 - CheckChars;
        if (addressLength is < 0 or > PairingLimits.AddressBytesMax || !text.StartsWith(Prefix))
            return false;
        ReadOnlySpan<byte> address = text.Slice(Prefix.Length, addressLength);
        ReadOnlySpan<byte> end = text[(Prefix.Length + addressLength)..];
        if (!IsAddress(address) || end[0] != ':' || end[1 + secretChars] != ':')
            return false;
        SecretBuffer secret = SecretBuffer.Create(PairingLimits.SecretBytes, static _ => { });
        var read = new PairingCode(Encoding.ASCII.GetString(address), secret);
        if (Base32.TryRead(end.Slice(1, secretChars), secret.Bytes) && read.CheckIs(end[^CheckChars..]))
        {
            code = read;
            return true;
        }
        read.Dispose();
        return false;
    }

    /// <summary>The type, never the code.</summary>
    public override string ToString() => nameof(PairingCode);

    /// <summary>Zeroes the secret.</summary>
    public void Dispose() => Secret.Dispose();

    /// <summary>A new code.</summary>
    /// <exception cref="ArgumentException">The address has characters that no address has.</exception>
    internal static PairingCode Create(string address)
    {
        if (address.Length > PairingLimits.AddressBytesMax || !Ascii.IsValid(address) || !IsAddress(Encoding.ASCII.GetBytes(address)))
            throw new ArgumentException("An address is host:port.", nameof(address));
        return new PairingCode(address, SecretBuffer.Random(PairingLimits.SecretBytes));
    }

    private bool CheckIs(ReadOnlySpan<byte> typed)
    {
        using SecretBuffer own = ToText();
        return Ascii.EqualsIgnoreCase(own.ReadOnlyBytes[^CheckChars..], typed);
    }

    private static void Check(ReadOnlySpan<byte> text, Span<byte> check)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes], chars = stackalloc byte[Base32.Length(CheckBytes)];
        SHA256.HashData(text, hash);
        Base32.Write(hash[..CheckBytes], chars);
        chars[..CheckChars].CopyTo(check);
    }

    // host:port, a name, an IPv4 address, or an IPv6 address in brackets.
    private static bool IsAddress(ReadOnlySpan<byte> address) =>
        !address.ContainsAnyExcept(AddressCharacters);
}
