using System.Security.Cryptography;
using Org.BouncyCastle.Tls;
using VmPod.Secrets;

namespace VmPod.Sync.Channel;

/// <summary>Labels of RFC 8446, 7.5. BouncyCastle gives key material at the end of the handshake only, so each channel has one label from its start.</summary>
internal static class ChannelExporter
{
    /// <summary>Of a channel.</summary>
    internal const string Channel = "EXPORTER-vmpod";

    /// <summary>Of the one-time connection of a pairing.</summary>
    internal const string Pairing = "EXPORTER-vmpod-pairing";

    /// <summary>32 bytes of the connection that has just been made, in locked memory.</summary>
    internal static SecretBuffer Take(TlsContext context, string label)
    {
        byte[] exported = context.ExportKeyingMaterial(label, null, ChannelLimits.KeyBytes);
        try
        {
            return SecretBuffer.Create(exported.Length, exported, static (bytes, from) => from.CopyTo(bytes));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(exported);
        }
    }
}
