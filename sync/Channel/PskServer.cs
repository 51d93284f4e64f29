using Org.BouncyCastle.Tls;
using VmPod.Secrets;

namespace VmPod.Sync.Channel;

/// <summary>The server's side of the handshake: takes one PSK of its directory, one group, one version, and nothing else.</summary>
internal sealed class PskServer : AbstractTlsServer, IDisposable
{
    private readonly PskDirectory directory;
    private readonly ChannelOptions options;
    private readonly string exporterLabel;
    private PinnedBytes? key;

    internal PskServer(PskDirectory directory, ChannelOptions options, string exporterLabel)
        : base(TlsSettings.Crypto())
    {
        this.directory = directory;
        this.options = options;
        this.exporterLabel = exporterLabel;
    }

    /// <summary>The exporter, from the end of the handshake on; whoever takes it owns it.</summary>
    internal SecretBuffer? Exporter { get; private set; }

    internal ChannelCipher Cipher => (ChannelCipher)m_context.SecurityParameters.CipherSuite;

    /// <summary>The number of the entry that the client proved to know, or -1.</summary>
    internal int Selected { get; private set; } = -1;

    public override TlsPskExternal GetExternalPsk(IList<PskIdentity> identities)
    {
        // Whatever is offered is answered with some key: a wrong number of identities is an unknown one, with the same work and the same end.
        byte[] identity = identities[0].Identity;
        key ??= new PinnedBytes(stackalloc byte[ChannelLimits.KeyBytes]);
        Selected = directory.Select(identities.Count == 1 ? identity : [], key.Array);
        return TlsSettings.Psk(Crypto, identity, key);
    }

    public override void ProcessClientExtensions(IDictionary<int, byte[]> clientExtensions)
    {
        // Early data would be read before the client has proved to be there now.
        if (clientExtensions.ContainsKey(ExtensionType.early_data))
            throw new TlsFatalAlert(AlertDescription.handshake_failure);
        base.ProcessClientExtensions(clientExtensions);
    }

    public override short[] GetPskKeyExchangeModes() => TlsSettings.PskModes;

    public override int[] GetSupportedGroups() => TlsSettings.Groups;

    public override void NotifyHandshakeComplete() => Exporter = ChannelExporter.Take(m_context, exporterLabel);

    public override int GetMaxHandshakeMessageSize() => ChannelLimits.HandshakeMessageBytesMax;

    // Without a PSK there is only this way on, and it ends here.
    public override TlsCredentials GetCredentials() => throw new TlsFatalAlert(AlertDescription.handshake_failure);

    public override TlsSession? GetSessionToResume(byte[] sessionID) => null;

    public override NewSessionTicket? GetNewSessionTicket() => null;

    /// <summary>Zeroes the key.</summary>
    public void Dispose() => key?.Dispose();

    protected override ProtocolVersion[] GetSupportedVersions() => TlsSettings.Versions;

    protected override int[] GetSupportedCipherSuites() => TlsSettings.Suites(options);

    // With the client's order a pod without AES would be given AES.
    protected override bool PreferLocalCipherSuites() => true;
}
