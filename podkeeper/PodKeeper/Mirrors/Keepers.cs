using System.Globalization;
using System.Text;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Pairings;
using VmPod.Sync.Channel.Pairings;

namespace VmPod.PodKeeper.Mirrors;

/// <summary>
/// The pods that keep mirrors of this one (P-128): v1/keepers/ID.pairing as the pairings of its hosts (S-54), of mode 0600, so that a locked pod is mirrored
/// too; and ID.place, where that pod was last reached. They are never answered with: only whoever connects uses them.
/// </summary>
public static class Keepers
{
    private const string Extension = ".place";

    /// <summary>Where a pod's folder has them.</summary>
    public static string Of(string podFolder) => Path.Combine(podFolder, "v1", "keepers");

    /// <summary>Where they wait for a pod that is just restored: beside its folder, which must be new.</summary>
    public static string Waiting(string podFolder) => podFolder.TrimEnd('/') + ".keepers";

    /// <summary>Asked before somebody is paired with: afterwards it would be too late to say no.</summary>
    /// <exception cref="VmPodException">There are as many as there may be (8).</exception>
    public static void CheckRoom(string keepers)
    {
        if (PairingFolder.Count(keepers) >= PodLimits.KeepersMax)
        {
            throw new VmPodException(ExitCode.NoSpace, $"This pod has {PodLimits.KeepersMax} pods that keep its mirrors, which is all that it may have.",
                "podkeeper unpair DIR ID removes one.");
        }
    }

    /// <summary>Stores one.</summary>
    public static void Save(string keepers, Pairing pairing, MirrorPlace place)
    {
        PairingFolder.Save(keepers, pairing);
        SetPlace(keepers, pairing.Id, place.ToString());
    }

    /// <summary>Makes those that waited the restored pod's (P-129); one file at a time, since its folder may be another disk.</summary>
    public static void HandOver(string podFolder)
    {
        string waiting = Waiting(podFolder), keepers = Of(podFolder);
        foreach (Pairing pairing in PairingFolder.Load(waiting))
        {
            using (pairing)
            {
                PairingFolder.Save(keepers, pairing);
                if (PlaceOf(waiting, pairing.Id) is { } place)
                    SetPlace(keepers, pairing.Id, place);
            }
        }
        Directory.Delete(waiting, recursive: true);
    }

    /// <summary>The pairing with the pod at this place: the newest that was last used there, else the only one that there is.</summary>
    /// <returns>The caller's.</returns>
    /// <exception cref="VmPodException">There is none (4).</exception>
    public static Pairing Find(string keepers, MirrorPlace place)
    {
        IReadOnlyList<Pairing> all = PairingFolder.Load(keepers);
        Pairing? found = all.Where(p => PlaceOf(keepers, p.Id) == place.ToString()).OrderBy(p => p.Created).LastOrDefault()
            ?? (all.Count == 1 ? all[0] : null);
        foreach (Pairing pairing in all.Where(p => p != found))
            pairing.Dispose();
        return found ?? throw new VmPodException(ExitCode.Refused, $"This pod is not paired with the one at {place}.",
            "There: podkeeper pair DIR --role mirror. Then here the same command with --pair.");
    }

    /// <summary>All of them, by id; the place is null if it is not known.</summary>
    public static IReadOnlyList<(PairedHost Keeper, string? Place)> List(string podFolder, UInt128 vaultId)
    {
        string keepers = Of(podFolder);
        var all = new List<(PairedHost, string?)>();
        foreach (Pairing pairing in PairingFolder.Load(keepers))
        {
            using (pairing)
            {
                all.Add((new PairedHost(pairing.Id, pairing.PeerName, pairing.Role, pairing.Created, PodPairings.LogName(vaultId, pairing.Id)),
                    PlaceOf(keepers, pairing.Id)));
            }
        }
        return all;
    }

    /// <summary>Forgets one. False if it was not there.</summary>
    internal static bool Remove(Pod pod, UInt128 id)
    {
        string keepers = Of(pod.Vault.Folder);
        File.Delete(PathOf(keepers, id));
        if (!PairingFolder.Remove(keepers, id))
            return false;
        pod.Audit.Append(new AuditEvent(AuditKind.KeeperUnpaired, AuditOutcome.Ok)
        {
            Detail = { ["pairing"] = PodPairings.LogName(pod.Vault.Descriptor.VaultId, id) },
        });
        return true;
    }

    /// <summary>Notes where that pod is now.</summary>
    internal static void SetPlace(string keepers, UInt128 id, string place)
    {
        if (PlaceOf(keepers, id) != place)
            PrivateFile.Replace(PathOf(keepers, id), Encoding.ASCII.GetBytes(place));
    }

    // A note that somebody wrote over is no note: it says where to knock, and proves nothing.
    private static string? PlaceOf(string keepers, UInt128 id)
    {
        string path = PathOf(keepers, id);
        return File.Exists(path) && new FileInfo(path).Length <= PodLimits.PlaceBytesMax && File.ReadAllText(path) is { } text && Ascii.IsValid(text)
            && !text.Any(char.IsControl) ? text : null;
    }

    private static string PathOf(string keepers, UInt128 id) => Path.Combine(keepers, id.ToString("x32", CultureInfo.InvariantCulture) + Extension);
}
