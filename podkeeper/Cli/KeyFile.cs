using VmPod.Foundation;
using VmPod.Secrets;

namespace VmPod.PodKeeper.Cli;

/// <summary>
/// A key file: 256 random bits as 64 hexadecimal digits, kept elsewhere than the pod. With it a passphrase opens nothing alone, so a short one may do
/// where no TPM counts guesses (V-185).
/// </summary>
internal static class KeyFile
{
    private const int KeyBytes = 32, Digits = 2 * KeyBytes;

    /// <summary>Makes one, mode 0600.</summary>
    /// <exception cref="VmPodException">There is a file of this name (4), no such folder (3), no space (8).</exception>
    internal static void Create(string path)
    {
        using SecretBuffer key = SecretBuffer.Random(KeyBytes);
        using SecretBuffer text = SecretBuffer.Create(Digits + 1, key, static (bytes, from) =>
        {
            for (int i = 0; i < KeyBytes; i++)
            {
                bytes[2 * i] = DigitOf(from.ReadOnlyBytes[i] >> 4);
                bytes[2 * i + 1] = DigitOf(from.ReadOnlyBytes[i] & 0xF);
            }
            bytes[Digits] = (byte)'\n';
        });
        SecretOutput.WriteNewFile(path, text);
    }

    /// <summary>A passphrase and the key of a file, as a slot of kind 2 wants them: the passphrase, a zero byte, the 64 digits.</summary>
    /// <exception cref="VmPodException">No such file (3), open to others or no key file (4).</exception>
    internal static SecretBuffer Join(SecretBuffer passphrase, string path)
    {
        using SecretBuffer key = SecretInput.ReadFile(path);
        if (key.Length != Digits || !IsHex(key.ReadOnlyBytes))
            throw new VmPodException(ExitCode.Refused, $"{path} is no key file.", "It has 64 hexadecimal digits and a line end.");
        return SecretBuffer.Create(passphrase.Length + 1 + Digits, (passphrase, key), static (bytes, from) =>
        {
            from.passphrase.ReadOnlyBytes.CopyTo(bytes);
            from.key.ReadOnlyBytes.CopyTo(bytes[(from.passphrase.Length + 1)..]);
        });
    }

    private static bool IsHex(ReadOnlySpan<byte> text)
    {
        bool isHex = true;
        foreach (byte c in text)
            isHex &= char.IsAsciiHexDigitLower((char)c);
        return isHex;
    }

    private static byte DigitOf(int value) => (byte)(value < 10 ? '0' + value : 'a' + value - 10);
}
