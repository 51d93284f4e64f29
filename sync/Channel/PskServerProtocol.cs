using Org.BouncyCastle.Tls;

namespace VmPod.Sync.Channel;

/// <summary>TLS 1.3 without the second round: a client that brings no share for the one group is refused, not asked again.</summary>
internal sealed class PskServerProtocol(Stream link) : TlsServerProtocol(link)
{
    protected override ServerHello Generate13HelloRetryRequest(ClientHello clientHello) => throw new TlsFatalAlert(AlertDescription.handshake_failure);
}
