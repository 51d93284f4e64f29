using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;
using VmPod.Vault.Sessions;

namespace VmPod.Vault;

/// <summary>Changing keys without touching what they sealed: the passphrase's slot, and the epoch of a session.</summary>
public sealed partial class PodVault
{
    private const string PassphraseSlotDraft = PassphraseSlotFile + ".new";

    /// <summary>Whether the passphrase's slot says that it opens with a key file too.</summary>
    /// <exception cref="VmPodException">It cannot be read (5).</exception>
    public bool AsksForKeyFile => PassphraseSlot.AsksForKeyFile(ReadPassphraseSlot());

    /// <summary>
    /// Makes this the secret that opens the pod; the one before opens nothing any more. A crash in the middle leaves the old one or the new one, and nothing
    /// else: the slot is replaced as a whole (V-184).
    /// </summary>
    /// <param name="secret">The passphrase; with a key file, the passphrase and then what is in the file.</param>
    /// <param name="argon2MemoryKiB">What a guess of it costs.</param>
    /// <param name="hasKeyFile">Whether there is a key file in it.</param>
    /// <exception cref="VmPodException">Locked (4), no space (8), the disk failed (5).</exception>
    public void ChangeSecret(SecretBuffer secret, int argon2MemoryKiB, bool hasKeyFile)
    {
        DeviceSecrets secrets = device ?? throw WithoutSecrets();
        byte[] slot = PassphraseSlot.Create(root ?? throw Locked(), secret.ReadOnlyBytes, secrets.Device, Descriptor.VaultId, argon2MemoryKiB, hasKeyFile);
        string draft = Path.Combine(Folder, PassphraseSlotDraft), place = Path.Combine(Folder, PassphraseSlotFile);
        try
        {
            WriteDurably(draft, slot);
            File.Move(draft, place, overwrite: true);
            Libc.FsyncDirectory(Path.GetDirectoryName(place)!);
        }
        catch (IOException e)
        {
            throw new VmPodException(Libc.IsNoSpace(e) ? ExitCode.NoSpace : ExitCode.Damaged, $"The pod's slot cannot be written: {e.Message}",
                "Which of the two passphrases opens it, an unlock tells.", e);
        }
    }

    /// <summary>
    /// Gives a session a new epoch: the leases after it are wrapped under a key that nobody has yet. Nothing is sealed anew, no cell moves, and all that was
    /// there is read as before (V-186). A lease that is open goes on under its own key until it ends.
    /// </summary>
    /// <returns>The epoch's number.</returns>
    /// <exception cref="VmPodException">No such session (3), locked (4), its keys are damaged (5), no space (8).</exception>
    public uint Rotate(SessionHandle session)
    {
        lock (gate)
        {
            SessionSummary summary = FindSession(session.ToString());
            using SessionKeys keys = KeysOf(summary);
            (ulong offset, _) = NewestEpoch(summary, keys);
            uint number = EpochEntry.TryRead(log.ReadPayload(offset, LogEntryTypes.Epoch))!.Number + 1;
            using SecretBuffer epoch = SecretBuffer.Random(KeyDerivation.KeyBytes);
            byte[] entry = new EpochEntry(session, number, keys.WrapEpoch(epoch, number)).ToBytes();
            Store.Commit([new PendingEntry(LogEntryTypes.Epoch, entry)], context => Draft(context, static row => row));
            return number;
        }
    }

    // The one with the highest number that opens, of those that the index knows and that of the session's newest lease: one that was put again, or is of
    // another session, changes nothing. The whole log is read only if none of them opens.
    private (ulong Offset, SecretBuffer Key) NewestEpoch(SessionSummary session, SessionKeys keys)
    {
        ulong? last = log.FindLease(session.Handle, session.Tip.LeaseId, session.Tip.LeaseOffset)?.EpochOffset;
        if (Find() is { } found)
            return found;
        log.Distrust();
        return Find() ?? throw Broken();

        (ulong, SecretBuffer)? Find()
        {
            IEnumerable<ulong> places = log.FindEpochs(session.Handle).Select(o => (ulong)o);
            if (last is { } offset)
                places = places.Append(offset).Distinct();
            foreach ((EpochEntry _, ulong place) in places.Select(p => (Entry: TryReadEpoch(p), p)).Where(e => e.Entry?.Session == session.Handle)
                .Select(e => (e.Entry!, e.p)).OrderByDescending(e => e.Item1.Number))
            {
                if (keys.Epoch(place) is { } key)
                    return (place, key);
            }
            return null;
        }
    }

    private EpochEntry? TryReadEpoch(ulong place)
    {
        try
        {
            return EpochEntry.TryRead(log.ReadPayload(place, LogEntryTypes.Epoch));
        }
        catch (VmPodException e) when (IsDamage(e))
        {
            // That entry is damaged; leases go on under the one before.
            return null;
        }
    }

    private byte[] ReadPassphraseSlot()
    {
        try
        {
            return File.ReadAllBytes(Path.Combine(Folder, PassphraseSlotFile));
        }
        catch (IOException e)
        {
            throw new VmPodException(ExitCode.Damaged, "The pod's passphrase slot cannot be read.",
                "Restore v1/slots from a copy of the pod, or open it with its recovery words: podkeeper recover DIR.", e);
        }
    }
}
