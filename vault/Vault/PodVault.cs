using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.House;
using VmPod.Vault.Keys;
using VmPod.Vault.Sessions;
using VmPod.Vault.Words;

namespace VmPod.Vault;

/// <summary>
/// A pod's vault: sessions, each a line of generations, in sealed cells. Locked it can be listed by handle and verified; unlocked it can be read and written.
/// </summary>
/// <remarks>
/// What it is not: a place for plaintext (that is in the caller's locked memory only), a policy (who may open a lease is podkeeper's), a network peer.
/// <code>
///   Create / Open -> locked --TryUnlock--> unlocked --BeginLease--> SessionLease (one for each session)
///                                                   `-OpenSession-> SessionReader
/// </code>
/// One process owns it (rule 20). The order in which to read: this file, Sessions/SessionLease.cs, Cells/CellCipher.cs, Tables/TableView.cs.
/// </remarks>
public sealed partial class PodVault : IDisposable
{
    private const string SecretsFolder = "v1/nv", SlotsFolder = "v1/slots", PassphraseSlotFile = SlotsFolder + "/passphrase",
        VaultKeyLinkFile = SlotsFolder + "/vault-key", LogIndexFileName = "v1/logindex", ForgetsFileName = "v1/forgets";

    // Opened cells that readers of one session share: a scan reads them in order, so a few for each thread do.
    internal const int CachedCells = 32;

    private readonly StoreAccess access;
    private readonly DeviceSecrets? device;
    private readonly LogAuthority authority;
    private readonly LogIndex log;
    private readonly TimeProvider time;
    private readonly Lock gate = new();
    private SecretBuffer? root;
    private SecretBuffer? vaultKey;
    private SigningKey? owner;

    private PodVault(string folder, StoreAccess access, CellStore store, DeviceSecrets? device, LogAuthority authority, TimeProvider time)
    {
        Folder = folder;
        Store = store;
        this.access = access;
        this.device = device;
        this.authority = authority;
        this.time = time;
        log = new LogIndex(store, new LogIndexFile(Path.Combine(folder, LogIndexFileName), store.Descriptor.VaultId));
        checkedForgets = new CheckedForgets(Path.Combine(folder, ForgetsFileName), store.Descriptor.VaultId);
    }

    /// <summary>The pod's folder.</summary>
    public string Folder { get; }

    /// <summary>The sealed side: cells, log, head.</summary>
    public CellStore Store { get; }

    /// <summary>What the vault is.</summary>
    public VaultDescriptor Descriptor => Store.Descriptor;

    /// <summary>True once the passphrase was right.</summary>
    public bool IsUnlocked => vaultKey is not null;

    /// <summary>The public key that certifies leases: what a paired host checks commits against. Null while locked.</summary>
    public byte[]? OwnerPublicKey => owner?.PublicKey;

    /// <summary>The key that signs heads, and the audit log; usable while locked. Null for a copy without the pod's device secrets.</summary>
    public SigningKey? LogKey => authority.Key;

    /// <summary>Makes a vault in an empty or new folder, and leaves it unlocked.</summary>
    /// <param name="folder">The pod's folder.</param>
    /// <param name="passphrase">What will unlock it.</param>
    /// <param name="options">Cell size and cost of the passphrase.</param>
    /// <param name="time">The clock.</param>
    /// <param name="words">What opens it when passphrase or pod are lost; null: nothing does.</param>
    /// <exception cref="VmPodException">The folder holds something (exit 4), or no space (exit 8).</exception>
    public static PodVault Create(string folder, SecretBuffer passphrase, VaultOptions options, TimeProvider time, RecoveryWords? words = null)
    {
        var vaultId = new UInt128(RandomNumberSource.UInt64(), RandomNumberSource.UInt64());
        DeviceSecrets device = DeviceSecrets.Create();
        SecretBuffer root = SecretBuffer.Random(KeyDerivation.KeyBytes);
        SecretBuffer vaultKey = VaultKeyLink.Derive(root, device.Shred, vaultId);
        using SecretBuffer ownerSeed = SecretBuffer.Random(KeyDerivation.KeyBytes);
        SigningKey logKey = SigningKey.FromSeed(device.Log);
        var descriptor = new VaultDescriptor
        {
            VaultId = vaultId,
            CellBytes = options.CellBytes,
            Suite = options.Suite,
            CreatedMs = time.GetUtcNow().ToUnixTimeMilliseconds(),
            LogPublicKey = logKey.PublicKey,
        };
        byte[] slot = PassphraseSlot.Create(root, passphrase.ReadOnlyBytes, device.Device, vaultId, options.Argon2MemoryKiB);
        VaultEntry entry = VaultEntry.Create(vaultKey, ownerSeed, descriptor);
        var authority = new LogAuthority(logKey, logKey.PublicKey);
        SigningKey owner = SigningKey.FromSeed(ownerSeed);
        List<PendingEntry> first = [new PendingEntry(LogEntryTypes.Vault, entry.ToBytes())];
        if (words is not null)
        {
            first.Add(new PendingEntry(LogEntryTypes.Recovery,
                RecoverySlot.Create(1, (ulong)descriptor.CreatedMs, words, vaultKey, device.Log, owner, vaultId).ToBytes()));
        }
        CellStore store = CellStore.Create(folder, descriptor, authority, first, _ =>
        {
            // Before the vault appears: a vault without its secrets would be lost at a crash here.
            SaveSecrets(folder, device, slot);
            return new HeadDraft(0, descriptor.CreatedMs, []);
        });
        return new PodVault(folder, StoreAccess.Write, store, device, authority, time) { root = root, vaultKey = vaultKey, owner = owner };
    }

    /// <summary>Opens a vault, locked.</summary>
    /// <exception cref="VmPodException">No vault there (3), damaged (5), in use (6), newer format (4).</exception>
    public static PodVault Open(string folder, StoreAccess access, TimeProvider time)
    {
        VaultDescriptor descriptor = CellStore.ReadDescriptor(folder);
        DeviceSecrets? device = Directory.Exists(Path.Combine(folder, SecretsFolder)) ? DeviceSecrets.Load(Path.Combine(folder, SecretsFolder)) : null;
        SigningKey? logKey = null;
        try
        {
            logKey = device is null ? null : SigningKey.FromSeed(device.Log);
            // Before anything is written: a head signed by another key would shut the vault for good.
            if (logKey is not null && !descriptor.LogPublicKey.Span.SequenceEqual(logKey.PublicKey))
            {
                throw new VmPodException(ExitCode.Damaged, "The pod's log key (v1/nv/log) is not the one that vault.json names.",
                    "Restore vault.json and v1/nv from a copy of this pod.");
            }
            var authority = new LogAuthority(logKey, descriptor.LogPublicKey.ToArray());
            return new PodVault(folder, access, CellStore.Open(folder, access, authority), device, authority, time);
        }
        catch
        {
            logKey?.Dispose();
            device?.Dispose();
            throw;
        }
    }

    /// <summary>Unlocks with the passphrase. False if it is wrong.</summary>
    /// <exception cref="VmPodException">The slot, the vault's keys or the descriptor are damaged or were changed (exit 5).</exception>
    public bool TryUnlock(SecretBuffer passphrase)
    {
        DeviceSecrets secrets = device ?? throw WithoutSecrets();
        SecretBuffer? opened = PassphraseSlot.TryOpen(ReadPassphraseSlot(), passphrase.ReadOnlyBytes, secrets.Device, Descriptor.VaultId);
        if (opened is null)
            return false;
        UnlockWithRoot(opened);
        return true;
    }

    /// <summary>Unlocks with K_root itself, of which the vault takes ownership.</summary>
    /// <exception cref="VmPodException">It is not this vault's, or the descriptor was changed (exit 5).</exception>
    public void UnlockWithRoot(SecretBuffer rootKey)
    {
        DeviceSecrets secrets = device ?? throw WithoutSecrets();
        SecretBuffer? key = VaultKeyLink.Open(Path.Combine(Folder, VaultKeyLinkFile), rootKey, secrets.Shred, Descriptor.VaultId);
        SigningKey? opened = key is null ? null : FirstEntry(Store)?.TryOpen(key, Descriptor);
        if (opened is null)
        {
            key?.Dispose();
            rootKey.Dispose();
            throw new VmPodException(ExitCode.Damaged,
                "The vault's own keys do not open: its descriptor, log or device secrets were changed or are of another vault.",
                "Restore vault.json and v1 from a copy of this pod, or open it with its recovery words: podkeeper recover DIR.");
        }
        lock (gate)
        {
            Forget();
            (root, vaultKey, owner) = (rootKey, key, opened);
            LoadCheckedForgets(key!, opened.PublicKey);
        }
    }

    /// <summary>A copy of K_root, for the process that keeps this pod unlocked.</summary>
    public SecretBuffer CopyRoot() => SecretBuffer.Create(KeyDerivation.KeyBytes, (root ?? throw Locked()).ReadOnlyBytes, static (bytes, from) =>
        from.CopyTo(bytes));

    /// <summary>Drops and zeroes the keys. Leases that are open keep theirs.</summary>
    public void Lock()
    {
        lock (gate)
        {
            SaveCheckedForgets();
            Forget();
        }
    }

    /// <summary>Zeroes the keys and gives the vault back.</summary>
    public void Dispose()
    {
        Lock();
        if (access == StoreAccess.Write)
            log.Save();
        Store.Dispose();
        authority.Key?.Dispose();
        device?.Dispose();
    }

    internal ulong NowMs() => (ulong)time.GetUtcNow().ToUnixTimeMilliseconds();

    private void Forget()
    {
        root?.Dispose();
        vaultKey?.Dispose();
        owner?.Dispose();
        (root, vaultKey, owner) = (null, null, null);
    }

    private static void SaveSecrets(string folder, DeviceSecrets device, byte[] slot, byte[]? link = null)
    {
        string secrets = Path.Combine(folder, SecretsFolder), slots = Path.Combine(folder, SlotsFolder);
        foreach (string leftover in new[] { secrets, slots }.Where(Directory.Exists))
            Directory.Delete(leftover, recursive: true);
        device.Save(secrets);
        Directory.CreateDirectory(slots, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        WriteDurably(Path.Combine(folder, PassphraseSlotFile), slot);
        if (link is not null)
            WriteDurably(Path.Combine(folder, VaultKeyLinkFile), link);
        Libc.FsyncDirectory(slots);
        Libc.FsyncDirectory(Path.GetDirectoryName(slots)!);
    }

    private static void WriteDurably(string path, byte[] bytes)
    {
        using FileStream file = File.Create(path);
        file.Write(bytes);
        file.Flush();
        Libc.Fsync(file.SafeFileHandle);
    }

    // The vault's own entry. Null if it is not what was written.
    private static VaultEntry? FirstEntry(CellStore store)
    {
        LogEntryHeader first = store.EnumerateLog(0).FirstOrDefault();
        return first.Type == LogEntryTypes.Vault ? VaultEntry.TryRead(store.ReadEntry(first.Offset).Payload.Span) : null;
    }

    private static VmPodException Locked() => new(ExitCode.Refused, "The pod is locked.",
        "Unlock it with its passphrase: podkeeper unlock DIR, or --pin-file.");

    private static VmPodException WithoutSecrets() => new(ExitCode.Refused,
        "This copy of the vault has no device secrets: it can be verified and synced, not unlocked.",
        "Use the pod itself, or open this copy with its recovery words: podkeeper recover DIR.");
}
