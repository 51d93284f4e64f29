using System.Net.Sockets;
using Org.BouncyCastle.Tls;
using Org.BouncyCastle.Tls.Crypto.Impl.BC;
using VmPod.Secrets;
using VmPod.Sync.Channel;
using VmPod.Sync.Channel.Pairings;

namespace VmPod.Sync.Tests.Channel;

/// <summary>A TLS client that knows a pairing and differs from ours in what a test sets. Without changes it is let in.</summary>
internal sealed class OddClient : AbstractTlsClient
{
    private OddClient()
        : base(new BcTlsCrypto())
    {
    }

    internal byte[]? Identity { get; set; }

    internal byte[]? Key { get; set; }

    internal ProtocolVersion Version { get; init; } = ProtocolVersion.TLSv13;

    internal int[] Groups { get; init; } = [NamedGroup.X25519MLKEM768];

    internal int[] Shares { get; init; } = [NamedGroup.X25519MLKEM768];

    internal short[] Modes { get; init; } = [PskKeyExchangeMode.psk_dhe_ke];

    internal int[] Suites { get; init; } = [CipherSuite.TLS_AES_128_GCM_SHA256];

    internal int IdentityCount { get; init; } = 1;

    internal bool EarlyData { get; init; }

    internal int Tickets { get; private set; }

    /// <summary>What the server said before it closed: the alert, or -1 for a handshake that ended well.</summary>
    internal short Alert { get; private set; } = -1;

    internal static OddClient Of(Pairing pairing, TimeProvider time, Func<OddClient>? changed = null)
    {
        OddClient client = changed?.Invoke() ?? new OddClient();
        using SecretBuffer identityKey = ChannelKeys.IdentityKey(pairing.Psk, ChannelDirection.HostToPod);
        using SecretBuffer key = ChannelKeys.TlsKey(pairing.Psk, ChannelDirection.HostToPod);
        client.Identity ??= ChannelKeys.Identity(identityKey, ChannelKeys.Day(time), ChannelDirection.HostToPod);
        client.Key ??= key.ReadOnlyBytes.ToArray();
        return client;
    }

    internal static OddClient New(ProtocolVersion? version = null, int[]? groups = null, int[]? shares = null, short[]? modes = null, int[]? suites = null,
        int identities = 1, bool earlyData = false, byte[]? identity = null, byte[]? key = null) => new()
        {
            Version = version ?? ProtocolVersion.TLSv13,
            Groups = groups ?? [NamedGroup.X25519MLKEM768],
            Shares = shares ?? groups ?? [NamedGroup.X25519MLKEM768],
            Modes = modes ?? [PskKeyExchangeMode.psk_dhe_ke],
            Suites = suites ?? [CipherSuite.TLS_AES_128_GCM_SHA256],
            IdentityCount = identities,
            EarlyData = earlyData,
            Identity = identity,
            Key = key,
        };

    /// <summary>Runs the handshake; one byte of data must then come through for it to count.</summary>
    internal void Connect(Socket socket)
    {
        using var stream = new NetworkStream(socket, ownsSocket: true) { ReadTimeout = 60_000 };
        var protocol = new TlsClientProtocol(stream);
        try
        {
            protocol.Connect(this);
            _ = protocol.Stream.ReadByte();
            protocol.Close();
        }
        catch (TlsFatalAlertReceived e)
        {
            Alert = e.AlertDescription;
        }
        catch (TlsFatalAlert e)
        {
            Alert = e.AlertDescription;
        }
        catch (IOException)
        {
            Alert = AlertDescription.close_notify;
        }
    }

    public override IList<TlsPskExternal>? GetExternalPsks() => IdentityCount == 0 || Version != ProtocolVersion.TLSv13 ? null
        : [.. Enumerable.Range(0, IdentityCount).Select(i => Psk(i == 0 ? Identity! : new byte[16]))];

    public override short[] GetPskKeyExchangeModes() => Modes;

    public override IList<int> GetEarlyKeyShareGroups() => Shares;

    public override TlsAuthentication GetAuthentication() => throw new TlsFatalAlert(AlertDescription.handshake_failure);

    public override IDictionary<int, byte[]> GetClientExtensions()
    {
        IDictionary<int, byte[]> extensions = base.GetClientExtensions();
        if (EarlyData)
            extensions[ExtensionType.early_data] = [];
        return extensions;
    }

    public override void NotifyNewSessionTicket(NewSessionTicket newSessionTicket) => Tickets++;

    protected override ProtocolVersion[] GetSupportedVersions() => Version.Only();

    protected override int[] GetSupportedCipherSuites() => Suites;

    protected override IList<int> GetSupportedGroups(IList<int> namedGroupRoles) => Groups;

    private BasicTlsPskExternal Psk(byte[] identity) =>
        new(identity, new BcTlsSecret((BcTlsCrypto)Crypto, (byte[])Key!.Clone()), PrfAlgorithm.tls13_hkdf_sha256);
}
