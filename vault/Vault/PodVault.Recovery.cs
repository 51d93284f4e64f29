using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Keys;
using VmPod.Vault.Words;

namespace VmPod.Vault;

/// <summary>Recovery words: what opens the vault when the passphrase is forgotten, or the pod and its secrets are lost.</summary>
public sealed partial class PodVault
{
    private const string RecoveringFolder = "v1/recovering";

    /// <summary>True if the log holds a slot for recovery words that the vault's owner signed. Reads the whole log; needs no key.</summary>
    public bool HasRecoverySlot() => NewestSlot(Store, Descriptor.VaultId) is not null;

    /// <summary>Makes these the vault's recovery words; those before them open nothing any more.</summary>
    /// <exception cref="VmPodException">Locked (4), no space (8).</exception>
    public void SetRecoveryWords(RecoveryWords words)
    {
        SecretBuffer logSeed = (device ?? throw WithoutSecrets()).Log;
        lock (gate)
        {
            _ = vaultKey ?? throw Locked();
            uint number = (NewestSlot(Store, Descriptor.VaultId)?.Number ?? 0) + 1;
            byte[] slot = RecoverySlot.Create(number, NowMs(), words, vaultKey, logSeed, owner!, Descriptor.VaultId).ToBytes();
            Store.Commit([new PendingEntry(LogEntryTypes.Recovery, slot)], context => Draft(context, static row => row));
        }
    }

    /// <summary>
    /// Opens a vault for writing with its recovery words, and leaves it unlocked: needs neither passphrase nor the pod's own secrets. New secrets take their
    /// place with <see cref="SaveNewSecrets"/>; until then nothing has changed.
    /// </summary>
    /// <param name="folder">The pod's folder, or a copy of it without v1/nv and v1/slots.</param>
    /// <param name="words">The words.</param>
    /// <param name="acceptsDamage">Go on though the log is damaged: then newer words may be what was lost.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="VmPodException">No vault there (3), the words are wrong, replaced, or there are none (4), damaged (5), in use (6).</exception>
    public static PodVault OpenByWords(string folder, RecoveryWords words, bool acceptsDamage, TimeProvider time)
    {
        VaultDescriptor descriptor = CellStore.ReadDescriptor(folder);
        var authority = new LogAuthority(null, descriptor.LogPublicKey.ToArray());
        CellStore store = CellStore.Open(folder, StoreAccess.Write, authority);
        SecretBuffer? vaultKey = null, logSeed = null;
        SigningKey? owner = null;
        try
        {
            if (!acceptsDamage && !store.IsLogSound(CancellationToken.None))
            {
                throw new VmPodException(ExitCode.Damaged, "The vault's log is damaged: whether these words were replaced by newer ones cannot be told.",
                    "Restore the log from a mirror or a backup, or go on with what can be read: podkeeper recover DIR --accept-damage.");
            }
            RecoverySlot newest = NewestSlot(store, descriptor.VaultId) ?? throw new VmPodException(ExitCode.Refused,
                "This vault has no recovery words.", "It opens with its passphrase and the pod's own secrets (v1/nv) only.");
            (vaultKey, logSeed) = newest.TryOpen(words, descriptor.VaultId) ?? throw Wrong(store, descriptor.VaultId, words);
            owner = FirstEntry(store)!.TryOpen(vaultKey, descriptor) ?? throw NotItsKeys();
            SigningKey logKey = SigningKey.FromSeed(logSeed);
            authority.Restore(logKey);
            if (!descriptor.LogPublicKey.Span.SequenceEqual(logKey.PublicKey))
                throw NotItsKeys();
            return new PodVault(folder, StoreAccess.Write, store, DeviceSecrets.Create(logSeed), authority, time)
            {
                root = SecretBuffer.Random(KeyDerivation.KeyBytes),
                vaultKey = vaultKey,
                owner = owner,
            };
        }
        catch
        {
            authority.Key?.Dispose();
            owner?.Dispose();
            vaultKey?.Dispose();
            logSeed?.Dispose();
            store.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Makes this passphrase, and the new device secrets, those of the vault: the old ones open nothing any more. A crash in the middle leaves a pod that
    /// its recovery words open, and perhaps nothing else.
    /// </summary>
    /// <exception cref="VmPodException">Locked (4).</exception>
    public void SaveNewSecrets(SecretBuffer passphrase, int argon2MemoryKiB)
    {
        DeviceSecrets secrets = device ?? throw WithoutSecrets();
        SecretBuffer rootKey = root ?? throw Locked();
        UInt128 id = Descriptor.VaultId;
        byte[] slot = PassphraseSlot.Create(rootKey, passphrase.ReadOnlyBytes, secrets.Device, id, argon2MemoryKiB);
        byte[] link = VaultKeyLink.Create(vaultKey!, rootKey, secrets.Shred, id);
        string part = Path.Combine(Folder, RecoveringFolder), version = Path.GetDirectoryName(part)!;
        if (Directory.Exists(part))
            Directory.Delete(part, recursive: true);
        Directory.CreateDirectory(Path.Combine(part, "v1"));
        SaveSecrets(part, secrets, slot, link);
        // What is in their place first goes away: with both half there, nothing could tell which belongs to which.
        foreach (string name in (string[])[SlotsFolder, SecretsFolder])
        {
            string place = Path.Combine(Folder, name);
            if (Directory.Exists(place))
                Directory.Delete(place, recursive: true);
            Libc.FsyncDirectory(version);
            Directory.Move(Path.Combine(part, name), place);
            Libc.FsyncDirectory(version);
        }
        Directory.Delete(part, recursive: true);
        Libc.FsyncDirectory(version);
    }

    /// <summary>Ends every lease (rule 33): who held one before the vault was recovered is refused.</summary>
    /// <returns>How many were open.</returns>
    public int FenceLeases()
    {
        lock (gate)
        {
            int open = Store.Head.Sessions.Count(row => row.LeaseState == LeaseState.Open);
            Store.Commit([], context => Draft(context,
                static row => row with { LeaseState = LeaseState.None, Term = row.Term + 1, Fence = row.Term + 1 }));
            return open;
        }
    }

    private HeadDraft Draft(CommitContext context, Func<SessionEntry, SessionEntry> change)
    {
        lock (discardGate)
            return new(0, (long)NowMs(), [.. context.Previous!.Sessions.Where(IsKept).Select(change)]);
    }

    // Of what the owner signed, the highest number: an entry that is put again, or of another vault, changes nothing.
    private static RecoverySlot? NewestSlot(CellStore store, UInt128 vaultId) => SlotsOf(store, vaultId).MaxBy(slot => slot.Number);

    private static List<RecoverySlot> SlotsOf(CellStore store, UInt128 vaultId)
    {
        if (FirstEntry(store) is not { } first)
            throw NotItsKeys();
        var slots = new List<RecoverySlot>();
        foreach (LogFrame frame in store.WalkLog(0).SelectMany(g => g.Entries).Where(f => f.Header.Type == LogEntryTypes.Recovery))
        {
            if (RecoverySlot.TryRead(store.ReadEntry(frame.Header.Offset).Payload.Span) is { } slot && slot.IsSigned(first.OwnerPublicKey, vaultId))
                slots.Add(slot);
        }
        return slots;
    }

    private static VmPodException Wrong(CellStore store, UInt128 vaultId, RecoveryWords words)
    {
        foreach (RecoverySlot slot in SlotsOf(store, vaultId))
        {
            if (slot.TryOpen(words, vaultId) is not { } opened)
                continue;
            opened.VaultKey.Dispose();
            opened.LogSeed.Dispose();
            return new VmPodException(ExitCode.Refused, "These recovery words were replaced by newer ones.", "Use those that were made last.");
        }
        return new VmPodException(ExitCode.Refused, "These are not the recovery words of this vault.", "Each vault has words of its own.");
    }

    private static VmPodException NotItsKeys() => new(ExitCode.Damaged,
        "The vault's own keys do not open: its descriptor or its log were changed or are of another vault.",
        "Restore vault.json and v1/log from a mirror or a backup.");
}
