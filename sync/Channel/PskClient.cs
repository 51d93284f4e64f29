using Org.BouncyCastle.Tls;
using VmPod.Secrets;

namespace VmPod.Sync.Channel;

/// <summary>The client's side of the handshake: offers one PSK, one group, one version, and takes nothing else.</summary>
internal sealed class PskClient : AbstractTlsClient
{
    private readonly byte[] identity;
    private readonly PinnedBytes key;
    private readonly ChannelOptions options;
    private readonly string exporterLabel;

    internal PskClient(byte[] identity, PinnedBytes key, ChannelOptions options, string exporterLabel)
        : base(TlsSettings.Crypto())
    {
        this.identity = identity;
        this.key = key;
        this.options = options;
        this.exporterLabel = exporterLabel;
    }

    /// <summary>The exporter, from the end of the handshake on; whoever takes it owns it.</summary>
    internal SecretBuffer? Exporter { get; private set; }

    internal ChannelCipher Cipher => (ChannelCipher)m_context.SecurityParameters.CipherSuite;

    public override IList<TlsPskExternal> GetExternalPsks() => [TlsSettings.Psk(Crypto, identity, key)];

    public override short[] GetPskKeyExchangeModes() => TlsSettings.PskModes;

    public override IList<int> GetEarlyKeyShareGroups() => TlsSettings.Groups;

    public override void NotifyHandshakeComplete() => Exporter = ChannelExporter.Take(m_context, exporterLabel);

    public override int GetMaxHandshakeMessageSize() => ChannelLimits.HandshakeMessageBytesMax;

    public override void NotifySelectedPsk(TlsPsk selectedPsk)
    {
        // A server that does not use the PSK would go on with a certificate.
        if (selectedPsk is null)
            throw new TlsFatalAlert(AlertDescription.handshake_failure);
    }

    public override TlsAuthentication GetAuthentication() => throw new TlsFatalAlert(AlertDescription.handshake_failure);

    public override IDictionary<int, byte[]> GetClientExtensions()
    {
        IDictionary<int, byte[]> extensions = base.GetClientExtensions();
        // No certificate is ever taken, so none is asked for.
        extensions.Remove(ExtensionType.signature_algorithms);
        extensions.Remove(ExtensionType.signature_algorithms_cert);
        return extensions;
    }

    protected override ProtocolVersion[] GetSupportedVersions() => TlsSettings.Versions;

    protected override int[] GetSupportedCipherSuites() => TlsSettings.Suites(options);

    protected override IList<int> GetSupportedGroups(IList<int> namedGroupRoles) => TlsSettings.Groups;

    protected override CertificateStatusRequest? GetCertificateStatusRequest() => null;
}
