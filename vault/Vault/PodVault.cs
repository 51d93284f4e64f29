using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Keys;
using VmPod.Vault.Sessions;

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
    private const string SecretsFolder = "v1/nv", SlotsFolder = "v1/slots", PassphraseSlotFile = "passphrase", LogIndexFileName = "v1/logindex";

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
    /// <exception cref="VmPodException">The folder holds something (exit 4), or no space (exit 8).</exception>
    public static PodVault Create(string folder, SecretBuffer passphrase, VaultOptions options, TimeProvider time)
    {
        var vaultId = new UInt128(RandomNumberSource.UInt64(), RandomNumberSource.UInt64());
        DeviceSecrets device = DeviceSecrets.Create();
        SecretBuffer root = SecretBuffer.Random(KeyDerivation.KeyBytes);
        SecretBuffer vaultKey = KeyDerivation.Derive(root, "vault", vaultId, device.Shred.ReadOnlyBytes);
        using SecretBuffer ownerSeed = SecretBuffer.Random(KeyDerivation.KeyBytes);
        SigningKey logKey = SigningKey.FromSeed(device.Log);
        var descriptor = new VaultDescriptor
        {
            VaultId = vaultId,
            CellBytes = options.CellBytes,
            Suite = CellCipher.Suite,
            CreatedMs = time.GetUtcNow().ToUnixTimeMilliseconds(),
            LogPublicKey = logKey.PublicKey,
        };
        byte[] slot = PassphraseSlot.Create(root, passphrase.ReadOnlyBytes, device.Device, vaultId, options.Argon2MemoryKiB);
        VaultEntry entry = VaultEntry.Create(vaultKey, ownerSeed, descriptor);
        var authority = new LogAuthority(logKey, logKey.PublicKey);
        CellStore store = CellStore.Create(folder, descriptor, authority, [new PendingEntry(LogEntryTypes.Vault, entry.ToBytes())], _ =>
        {
            // Before the vault appears: a vault without its secrets would be lost at a crash here.
            SaveSecrets(folder, device, slot);
            return new HeadDraft(0, descriptor.CreatedMs, []);
        });
        var vault = new PodVault(folder, StoreAccess.Write, store, device, authority, time) { root = root, vaultKey = vaultKey };
        vault.owner = SigningKey.FromSeed(ownerSeed);
        return vault;
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
        byte[] slot;
        try
        {
            slot = File.ReadAllBytes(Path.Combine(Folder, SlotsFolder, PassphraseSlotFile));
        }
        catch (IOException e)
        {
            throw new VmPodException(ExitCode.Damaged, "The pod's passphrase slot cannot be read.", "Restore v1/slots from a copy of the pod.", e);
        }
        SecretBuffer? opened = PassphraseSlot.TryOpen(slot, passphrase.ReadOnlyBytes, secrets.Device, Descriptor.VaultId);
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
        SecretBuffer key = KeyDerivation.Derive(rootKey, "vault", Descriptor.VaultId, secrets.Shred.ReadOnlyBytes);
        LogEntryHeader first = Store.EnumerateLog(0).FirstOrDefault();
        SigningKey? opened = first.Type == LogEntryTypes.Vault && VaultEntry.TryRead(Store.ReadEntry(first.Offset).Payload.Span) is { } entry
            ? entry.TryOpen(key, Descriptor)
            : null;
        if (opened is null)
        {
            key.Dispose();
            rootKey.Dispose();
            throw new VmPodException(ExitCode.Damaged,
                "The vault's own keys do not open: its descriptor, log or device secrets were changed or are of another vault.",
                "Restore vault.json and v1 from a copy of this pod.");
        }
        lock (gate)
        {
            Forget();
            (root, vaultKey, owner) = (rootKey, key, opened);
        }
    }

    /// <summary>A copy of K_root, for the process that keeps this pod unlocked.</summary>
    public SecretBuffer CopyRoot() => SecretBuffer.Create(KeyDerivation.KeyBytes, (root ?? throw Locked()).ReadOnlyBytes, static (bytes, from) =>
        from.CopyTo(bytes));

    /// <summary>Drops and zeroes the keys. Leases that are open keep theirs.</summary>
    public void Lock()
    {
        lock (gate)
            Forget();
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

    private static void SaveSecrets(string folder, DeviceSecrets device, byte[] slot)
    {
        string secrets = Path.Combine(folder, SecretsFolder), slots = Path.Combine(folder, SlotsFolder);
        foreach (string leftover in new[] { secrets, slots }.Where(Directory.Exists))
            Directory.Delete(leftover, recursive: true);
        device.Save(secrets);
        Directory.CreateDirectory(slots, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using (FileStream file = File.Create(Path.Combine(slots, PassphraseSlotFile)))
        {
            file.Write(slot);
            file.Flush();
            Libc.Fsync(file.SafeFileHandle);
        }
        Libc.FsyncDirectory(slots);
        Libc.FsyncDirectory(Path.GetDirectoryName(slots)!);
    }

    private static VmPodException Locked() => new(ExitCode.Refused, "The pod is locked.",
        "Unlock it with its passphrase: podkeeper unlock DIR, or --pin-file.");

    private static VmPodException WithoutSecrets() => new(ExitCode.Refused,
        "This copy of the vault has no device secrets: it can be verified and synced, not unlocked.",
        "Use the pod itself.");
}
