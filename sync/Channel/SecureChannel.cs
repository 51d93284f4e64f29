using System.Net;
using System.Net.Sockets;
using Org.BouncyCastle.Tls;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Sync.Channel.Pairings;

namespace VmPod.Sync.Channel;

/// <summary>
/// An encrypted and authenticated link between a host, or another pod, and a pod that were paired: TLS 1.3 with an external PSK and X25519MLKEM768
/// (sync/SPEC.md, S-20 to S-32). It exists only after a full handshake, so the peer is known before the first byte is read.
/// </summary>
/// <remarks>Not a session: it has no heartbeat, no frames and no retry. Who creates it owns it. The threads that read and write may be two.</remarks>
public sealed class SecureChannel : IDisposable
{
    private readonly TlsProtocol protocol;
    private readonly LinkStream link;
    private int closed;

    private SecureChannel(TlsProtocol protocol, LinkStream link, UInt128 pairingId, ChannelCipher cipher, SecretBuffer exporter)
    {
        this.protocol = protocol;
        this.link = link;
        PairingId = pairingId;
        Cipher = cipher;
        Exporter = exporter;
        Stream = new ChannelStream(protocol, link);
    }

    /// <summary>Which pairing the other side proved to hold (<see cref="Pairing.Id"/>).</summary>
    public UInt128 PairingId { get; }

    /// <summary>How the records are protected.</summary>
    public ChannelCipher Cipher { get; }

    /// <summary>Key material that only the two ends of this very connection have, for binding an attestation to it: 32 bytes of the exporter
    /// of RFC 8446, 7.5, with the label EXPORTER-vmpod and no context. Belongs to the channel.</summary>
    public SecretBuffer Exporter { get; }

    /// <summary>
    /// The bytes, both ways; reads and writes block, and fail with <see cref="VmPodException"/> (exit code 7). Its ReadTimeout bounds the silence
    /// of the other side; a timeout ends the channel.
    /// </summary>
    public Stream Stream { get; }

    /// <summary>True if the other side sent something that nobody has read yet, its end included.</summary>
    public bool HasMore => link.HasMore;

    /// <summary>Connects to a pod as the other side of this pairing, in the direction of its role. A DnsEndPoint is resolved.</summary>
    /// <exception cref="VmPodException">Not reached or cut off (exit code 7), refused by either side (4).</exception>
    public static SecureChannel Connect(EndPoint pod, Pairing pairing, ChannelOptions? options = null, CancellationToken cancel = default) =>
        Connect(Dial(pod, cancel), pairing, options);

    /// <summary>As <see cref="Connect(EndPoint, Pairing, ChannelOptions?, CancellationToken)"/>, over a connection that is taken over.</summary>
    public static SecureChannel Connect(Socket socket, Pairing pairing, ChannelOptions? options = null)
    {
        options ??= ChannelOptions.Default;
        using SecretBuffer identityKey = ChannelKeys.IdentityKey(pairing.Psk, pairing.Direction);
        using SecretBuffer key = ChannelKeys.TlsKey(pairing.Psk, pairing.Direction);
        byte[] identity = ChannelKeys.Identity(identityKey, ChannelKeys.Day(options.Time), pairing.Direction);
        return AsClient(socket, identity, key, pairing.Id, options);
    }

    /// <summary>Answers a host that connected, whichever of the pairings it has. Takes the connection over; returns or throws within
    /// <see cref="ChannelLimits.HandshakeMillisecondsMax"/>.</summary>
    /// <exception cref="VmPodException">Cut off or too slow (exit code 7), refused (4): always the same, whatever was wrong.</exception>
    public static SecureChannel Accept(Socket socket, IReadOnlyList<Pairing> pairings, ChannelOptions? options = null)
    {
        options ??= ChannelOptions.Default;
        using PskDirectory directory = PskDirectory.Of(pairings, options.Time);
        return AsServer(socket, directory, selected => pairings[selected].Id, options);
    }

    /// <summary>For a link without a heartbeat, whose ends look through logs and wait for disks (S-174): they may be silent and busy for longer, and the
    /// kernel asks whether the other machine is still there.</summary>
    /// <param name="silence">How long a read waits.</param>
    /// <param name="busy">How long a write waits for a peer that does not read.</param>
    public void SetPatience(TimeSpan silence, TimeSpan busy) => link.SetPatience(silence, busy);

    /// <summary>Ends the link at once, without a farewell: the other side sees a link that was lost. Wakes whoever reads or writes.</summary>
    public void Abort()
    {
        if (Interlocked.Exchange(ref closed, 1) != 0)
            return;
        link.Dispose();
        Exporter.Dispose();
    }

    /// <summary>Says farewell, so that the other side knows that nothing is missing, and ends the link.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref closed, 1) != 0)
            return;
        try
        {
            protocol.Close();
        }
        catch (IOException)
        {
            // The other side is gone: there is nobody to say farewell to.
        }
        finally
        {
            link.Dispose();
            Exporter.Dispose();
        }
    }

    internal static Socket Dial(EndPoint to, CancellationToken cancel)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        deadline.CancelAfter(ChannelLimits.ConnectMillisecondsMax);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.ConnectAsync(to, deadline.Token).AsTask().GetAwaiter().GetResult();
            return socket;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            socket.Dispose();
            cancel.ThrowIfCancellationRequested();
            throw ChannelErrors.Unreachable(e);
        }
    }

    internal static SecureChannel AsClient(Socket socket, byte[] identity, SecretBuffer psk, UInt128 pairingId, ChannelOptions options,
        string exporterLabel = ChannelExporter.Channel)
    {
        var link = new LinkStream(socket, options.Time);
        using var key = new PinnedBytes(psk.ReadOnlyBytes);
        var client = new PskClient(identity, key, options, exporterLabel);
        var protocol = new TlsClientProtocol(link);
        Handshake(link, () => protocol.Connect(client));
        return new SecureChannel(protocol, link, pairingId, client.Cipher, client.Exporter!);
    }

    internal static SecureChannel AsServer(Socket socket, PskDirectory directory, Func<int, UInt128> pairingId, ChannelOptions options,
        string exporterLabel = ChannelExporter.Channel)
    {
        var link = new LinkStream(socket, options.Time);
        using var server = new PskServer(directory, options, exporterLabel);
        var protocol = new PskServerProtocol(link);
        Handshake(link, () => protocol.Accept(server));
        return new SecureChannel(protocol, link, pairingId(server.Selected), server.Cipher, server.Exporter!);
    }

    private static void Handshake(LinkStream link, Action handshake)
    {
        try
        {
            handshake();
            link.EndHandshake();
        }
        catch (Exception e)
        {
            link.Dispose();
            if (e is IOException or ObjectDisposedException)
                throw ChannelErrors.OfHandshake(e, link);
            throw;
        }
    }
}
