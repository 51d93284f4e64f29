using System.Security.Cryptography;
using VmPod.Secrets;
using VmPod.Sync.Channel.Pairings;

namespace VmPod.Sync.Channel;

/// <summary>The keys that a server would take at this moment.</summary>
/// <remarks>
/// An unknown identity gets a random key, with which no binder is right: whoever asks learns neither whether the identity was known, nor by the
/// time taken where in the list it stands. Every entry and every day is compared each time, and the key is copied by a mask.
/// </remarks>
internal sealed class PskDirectory : IDisposable
{
    private readonly IReadOnlyList<PskEntry> entries;

    internal PskDirectory(IReadOnlyList<PskEntry> entries) => this.entries = entries;

    /// <summary>The directory of a side that waits for its peers: yesterday, today and tomorrow of each pairing, in its one direction.</summary>
    internal static PskDirectory Of(IReadOnlyList<Pairing> pairings, TimeProvider time)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pairings.Count, ChannelLimits.PairingsMax, nameof(pairings));
        long today = ChannelKeys.Day(time);
        var entries = new List<PskEntry>(pairings.Count);
        foreach (Pairing pairing in pairings)
        {
            using SecretBuffer identityKey = ChannelKeys.IdentityKey(pairing.Psk, pairing.Direction);
            var identities = new List<byte[]>();
            for (long day = today - ChannelLimits.DaysOff; day <= today + ChannelLimits.DaysOff; day++)
                identities.Add(ChannelKeys.Identity(identityKey, day, pairing.Direction));
            entries.Add(new PskEntry(identities, ChannelKeys.TlsKey(pairing.Psk, pairing.Direction)));
        }
        return new PskDirectory(entries);
    }

    /// <summary>Writes the key of an identity, or a random one. The number of the entry, or -1.</summary>
    internal int Select(ReadOnlySpan<byte> identity, Span<byte> key)
    {
        RandomNumberGenerator.Fill(key);
        int found = -1;
        for (int i = 0; i < entries.Count; i++)
        {
            int equal = 0;
            foreach (byte[] candidate in entries[i].Identities)
                equal |= CryptographicOperations.FixedTimeEquals(candidate, identity) ? 1 : 0;
            int mask = -equal;
            found = (i & mask) | (found & ~mask);
            ReadOnlySpan<byte> own = entries[i].Key.ReadOnlyBytes;
            for (int b = 0; b < key.Length; b++)
                key[b] = unchecked((byte)((own[b] & mask) | (key[b] & ~mask)));
        }
        return found;
    }

    /// <summary>Zeroes all keys.</summary>
    public void Dispose()
    {
        foreach (PskEntry entry in entries)
            entry.Dispose();
    }
}
