using System.Globalization;
using System.Text.Json;
using VmPod.Foundation;
using VmPod.HostGuard.Control;

namespace VmPod.HostGuard.Pods;

/// <summary>What this host knows of a paired pod, besides the key: pinned at the first meeting. No secret.</summary>
public sealed record KnownPod
{
    /// <summary>The pod's vault, 32 hex digits; empty before the first meeting.</summary>
    public string Vault { get; init; } = "";

    /// <summary>The owner's public key, 64 hex digits; empty before the pod was first met unlocked.</summary>
    public string OwnerKey { get; init; } = "";

    /// <summary>Where it was last reached.</summary>
    public string Address { get; init; } = "";

    /// <summary>How it calls itself.</summary>
    public string Name { get; init; } = "";

    /// <summary>The newest head that this host saw: a witness against an older vault (rule 28).</summary>
    public ulong HeadSeq { get; init; }

    /// <summary>That head's hash, 64 hex digits.</summary>
    public string HeadHash { get; init; } = "";

    /// <summary>Reads what is known of the pod of a pairing.</summary>
    public static KnownPod Load(string folder, UInt128 pairing)
    {
        string path = PathOf(folder, pairing);
        if (!File.Exists(path))
            return new KnownPod();
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), HostGuardJson.Default.KnownPod) ?? new KnownPod();
        }
        catch (JsonException e)
        {
            throw new VmPodException(ExitCode.Damaged, $"{path} cannot be read.", "Remove the file: the pod is then met as for the first time.", e);
        }
    }

    /// <summary>Writes it, whole or not at all.</summary>
    public void Save(string folder, UInt128 pairing)
    {
        string path = PathOf(folder, pairing), part = path + ".part";
        File.WriteAllBytes(part, JsonSerializer.SerializeToUtf8Bytes(this, HostGuardJson.Default.KnownPod));
        File.Move(part, path, overwrite: true);
    }

    private static string PathOf(string folder, UInt128 pairing) => Path.Combine(folder, pairing.ToString("x32", CultureInfo.InvariantCulture) + ".json");
}
