using System.Globalization;
using VmPod.Foundation;
using VmPod.PodKeeper.Serving;
using VmPod.Sync.Channel.Pairings;
using VmPod.Vault.Format;

namespace VmPod.PodKeeper.Homes;

/// <summary>
/// What a pod keeps for its home hosts, so that it can serve them locked (rule 24): v1/homes/PAIRING/key, and a file SESSION.keys beside it for each
/// session. All of it is wrapped: the folder opens nothing without the vault's key or the host's.
/// </summary>
/// <remarks>Each file is written whole or not at all, and durably. Thread-safe.</remarks>
internal sealed class HomeKeyFolder(string podFolder)
{
    private const uint KeyMagic = 0x5650_4831, LeasesMagic = 0x5650_4832;       // "VPH1", "VPH2"
    private const int KeyFileBytes = 4 + FormatLimits.WrappedKeyBytes;
    private const int LeasesFileBytesMax = 4 + 2 + FormatLimits.HomeLeaseKeysMax * WrappedLeaseKey.Bytes;

    // Of the process: an unpairing and a lease that begins must not meet.
    private static readonly Lock Gate = new();

    private readonly string folder = Path.Combine(podFolder, "v1", "homes");
    private readonly string pairings = PodServer.PairingsOf(podFolder);

    /// <summary>The wrapped key of a home host. Null if there is none, or the file is no such key.</summary>
    internal byte[]? ReadKey(UInt128 pairing)
    {
        byte[]? bytes = Read(KeyPath(pairing), KeyFileBytes);
        if (bytes is null)
            return null;
        var r = new ByteReader(bytes);
        r.Require(r.UInt32() == KeyMagic);
        byte[] wrapped = r.Bytes(FormatLimits.WrappedKeyBytes).ToArray();
        return r.IsAtEnd ? wrapped : null;
    }

    /// <summary>The wrapped keys of a session's leases; none if there is no such file, or it is damaged.</summary>
    internal IReadOnlyList<WrappedLeaseKey> ReadLeases(UInt128 pairing, SessionHandle session)
    {
        byte[]? bytes = Read(LeasesPath(pairing, session), LeasesFileBytesMax);
        if (bytes is null)
            return [];
        var r = new ByteReader(bytes);
        r.Require(r.UInt32() == LeasesMagic);
        IReadOnlyList<WrappedLeaseKey> keys = WrappedLeaseKey.ReadList(ref r);
        return r.IsAtEnd ? keys : [];
    }

    /// <summary>Stores the key of a home host that had none; what was stored under another one goes. False if it is not paired any more.</summary>
    internal bool SaveKey(UInt128 pairing, ReadOnlySpan<byte> wrapped)
    {
        lock (Gate)
        {
            if (!PairingFolder.Contains(pairings, pairing))
                return false;
            RemoveAll(pairing);
            PrivateFile.Replace(KeyPath(pairing), new ByteWriter().UInt32(KeyMagic).Bytes(wrapped).Written);
            // The folder's own name is new too.
            Libc.FsyncDirectory(folder);
            Libc.FsyncDirectory(Path.GetDirectoryName(folder)!);
            return true;
        }
    }

    /// <summary>Stores the keys of a session's leases. False if the host is not paired any more.</summary>
    internal bool SaveLeases(UInt128 pairing, SessionHandle session, IReadOnlyList<WrappedLeaseKey> keys)
    {
        lock (Gate)
        {
            if (!PairingFolder.Contains(pairings, pairing))
                return false;
            ByteWriter bytes = new ByteWriter().UInt32(LeasesMagic);
            WrappedLeaseKey.WriteList(bytes, keys);
            PrivateFile.Replace(LeasesPath(pairing, session), bytes.Written);
            return true;
        }
    }

    /// <summary>Removes all that is kept for a host.</summary>
    internal void Remove(UInt128 pairing)
    {
        lock (Gate)
            RemoveAll(pairing);
    }

    private void RemoveAll(UInt128 pairing)
    {
        string path = PathOf(pairing);
        if (!Directory.Exists(path))
            return;
        Directory.Delete(path, recursive: true);
        Libc.FsyncDirectory(folder);
    }

    // Null too for one that is longer than any of its kind.
    private static byte[]? Read(string path, int bytesMax)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
            if (file.Length > bytesMax)
                return null;
            byte[] bytes = new byte[(int)file.Length];
            file.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    private string PathOf(UInt128 pairing) => Path.Combine(folder, pairing.ToString("x32", CultureInfo.InvariantCulture));

    private string KeyPath(UInt128 pairing) => Path.Combine(PathOf(pairing), "key");

    private string LeasesPath(UInt128 pairing, SessionHandle session) => Path.Combine(PathOf(pairing), session + ".keys");
}
