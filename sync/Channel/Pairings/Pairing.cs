using System.Buffers.Binary;
using System.Text;
using VmPod.Secrets;

namespace VmPod.Sync.Channel.Pairings;

/// <summary>What a host and a pod keep of each other: both have the same key and id. Owns the key.</summary>
/// <remarks>Storing it sealed is its owner's task; <see cref="ToBytes"/> gives the bytes to seal (sync/SPEC.md, S-54).</remarks>
public sealed class Pairing : IDisposable
{
    private const int NameOffset = 4 + 16 + ChannelLimits.KeyBytes + 1 + 8 + 1;

    internal Pairing(UInt128 id, SecretBuffer psk, HostRole role, string peerName, DateTimeOffset created)
    {
        Id = id;
        Psk = psk;
        Role = role;
        PeerName = peerName;
        Created = created;
    }

    /// <summary>Random, equal on both sides, no secret.</summary>
    public UInt128 Id { get; }

    /// <summary>What the pod's owner said that the host is.</summary>
    public HostRole Role { get; }

    /// <summary>How the other side calls itself. Printable ASCII; chosen by the peer, so no proof of anything.</summary>
    public string PeerName { get; }

    /// <summary>When the pod agreed, by the pod's clock, in whole seconds.</summary>
    public DateTimeOffset Created { get; }

    /// <summary>The key, 32 bytes: every key of a channel comes from it.</summary>
    public SecretBuffer Psk { get; }

    /// <summary>The one direction of its channels: a key of one is no key of the other (S-22).</summary>
    internal ChannelDirection Direction => Role == HostRole.Mirror ? ChannelDirection.PodToPod : ChannelDirection.HostToPod;

    private static ReadOnlySpan<byte> Magic => "VPP1"u8;

    /// <summary>The canonical form: "VPP1", id 16, key 32, role 1, seconds since 1970 as u64, length of the name 1, name. Big-endian.</summary>
    public SecretBuffer ToBytes() => SecretBuffer.Create(NameOffset + PeerName.Length, bytes =>
    {
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt128BigEndian(bytes[4..], Id);
        Psk.ReadOnlyBytes.CopyTo(bytes[20..]);
        bytes[52] = (byte)Role;
        BinaryPrimitives.WriteInt64BigEndian(bytes[53..], Created.ToUnixTimeSeconds());
        bytes[61] = (byte)PeerName.Length;
        Encoding.ASCII.GetBytes(PeerName, bytes[NameOffset..]);
    });

    /// <summary>Reads the canonical form. False if the bytes are anything else; nothing is repaired.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out Pairing? pairing)
    {
        pairing = null;
        if (bytes.Length < NameOffset || !bytes.StartsWith(Magic) || bytes.Length != NameOffset + bytes[61] || !DisplayName.IsName(bytes[NameOffset..]))
            return false;
        var role = (HostRole)bytes[52];
        long seconds = BinaryPrimitives.ReadInt64BigEndian(bytes[53..]);
        if (!IsRole(role) || seconds is < 0 or > PairingLimits.CreatedSecondsMax)
            return false;
        SecretBuffer psk = SecretBuffer.Create(ChannelLimits.KeyBytes, bytes.Slice(20, ChannelLimits.KeyBytes), static (key, from) => from.CopyTo(key));
        pairing = new Pairing(BinaryPrimitives.ReadUInt128BigEndian(bytes[4..]), psk, role, Encoding.ASCII.GetString(bytes[NameOffset..]),
            DateTimeOffset.FromUnixTimeSeconds(seconds));
        return true;
    }

    /// <summary>True for a role that there is.</summary>
    internal static bool IsRole(HostRole role) => role is HostRole.Home or HostRole.Foreign or HostRole.Mirror;

    /// <summary>The id and the name, never the key.</summary>
    public override string ToString() => $"{nameof(Pairing)}({Id:x32}, {PeerName})";

    /// <summary>Zeroes the key.</summary>
    public void Dispose() => Psk.Dispose();
}
