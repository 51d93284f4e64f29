using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace VmPod.Audit;

/// <summary>Size and root of the log, signed: a C2SP tlog-checkpoint, which is a C2SP signed-note.</summary>
/// <param name="Size">Entries that it covers.</param>
/// <param name="Root">RFC 6962 root over them, 32 bytes.</param>
/// <param name="Note">The signed text as it stands in the file, UTF-8.</param>
internal sealed record Checkpoint(long Size, byte[] Root, byte[] Note)
{
    private const int KeyIdSize = 4, SignatureSize = 64;

    // U+2014 and a space open a signature line.
    private const string SignaturePrefix = "\u2014 ";

    internal static Checkpoint Sign(long size, byte[] root, AuditLogKey key, IAuditSigner signer)
    {
        byte[] text = Encoding.UTF8.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"{key.Name}\n{size}\n{Convert.ToBase64String(root)}\n"));
        // signature := { key id 4 | Ed25519 64 }
        byte[] signature = new byte[KeyIdSize + SignatureSize];
        BinaryPrimitives.WriteUInt32BigEndian(signature, key.KeyId);
        signer.Sign(text, signature.AsSpan(KeyIdSize));
        byte[] line = Encoding.UTF8.GetBytes($"\n{SignaturePrefix}{key.Name} {Convert.ToBase64String(signature)}\n");
        return new Checkpoint(size, root, [.. text, .. line]);
    }

    /// <summary>The checkpoint of these bytes if the log's key signed it; else null and why.</summary>
    internal static Checkpoint? Open(byte[] note, AuditLogKey key, out string why)
    {
        // note := { text with its last newline | newline | signature lines, each with its newline }
        int textLength = note.AsSpan().IndexOf("\n\n"u8) + 1;
        if (textLength == 0 || note.Length < textLength + 2 || note[^1] != '\n')
        {
            why = "it is no signed note";
            return null;
        }
        ReadOnlySpan<byte> text = note.AsSpan(0, textLength);
        string[] signatures = Encoding.UTF8.GetString(note.AsSpan((textLength + 1)..^1)).Split('\n');
        if (!IsSigned(text, signatures, key))
        {
            why = "the log's key did not sign it";
            return null;
        }
        string[] lines = Encoding.UTF8.GetString(text).Split('\n');
        byte[]? root = lines.Length == 4 ? Base64(lines[2]) : null;
        // Signed, but not by this program: extension lines and other spellings are for a later version.
        if (root is not { Length: MerkleHash.Size } || lines[0] != key.Name || !TrySize(lines[1], out long size))
        {
            why = "it has another form than this version reads";
            return null;
        }
        why = "";
        return new Checkpoint(size, root, note);
    }

    // Lines of other keys (witnesses) are passed over; every line must look like one, and the log's own must be there once.
    private static bool IsSigned(ReadOnlySpan<byte> text, string[] lines, AuditLogKey key)
    {
        int own = 0;
        foreach (string line in lines)
        {
            string[] parts = line.Split(' ');
            if (parts.Length != 3 || parts[0] + " " != SignaturePrefix || parts[1].Length == 0)
                return false;
            byte[]? signature = Base64(parts[2]);
            if (signature is null || signature.Length <= KeyIdSize)
                return false;
            if (parts[1] != key.Name || BinaryPrimitives.ReadUInt32BigEndian(signature) != key.KeyId)
                continue;
            if (!key.Verify(text, signature.AsSpan(KeyIdSize)))
                return false;
            own++;
        }
        return own == 1;
    }

    private static bool TrySize(string text, out long size) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out size)
        && size <= AuditLimits.NumberMax
        && text == size.ToString(CultureInfo.InvariantCulture);

    // .NET passes over spaces and loose last bits; one spelling only is taken here.
    private static byte[]? Base64(string text)
    {
        byte[] bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out int length)
            && Convert.ToBase64String(bytes, 0, length) == text ? bytes[..length] : null;
    }
}
