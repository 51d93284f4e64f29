using VmPod.PodKeeper.Tests.Pods;
using VmPod.Secrets;
using VmPod.Sync.Channel.Pairings;
using VmPod.Testing;
using VmPod.Vault;
using VmPod.PodKeeper.Serving;

namespace VmPod.PodKeeper.Tests.Simulation;

/// <summary>An empty pod, made once: each world begins with a copy. Making one costs a passphrase's Argon2, which simulates nothing.</summary>
internal sealed class SimTemplate : IDisposable
{
    internal const int CellBytes = 16 * 1024;

    private static readonly Lazy<SimTemplate> Made = new(() => new SimTemplate());

    private readonly TempFolder folder = new(Directory.Exists("/dev/shm"));
    private readonly SecretBuffer root;
    private readonly byte[] ownerKey;

    private SimTemplate()
    {
        using SecretBuffer passphrase = TestPod.Secret(TestPod.Right);
        using Pod pod = Pod.Init(folder["pod"], passphrase, new VaultOptions { Argon2MemoryKiB = 8 * 1024, CellBytes = CellBytes }, new SimClock());
        root = pod.Vault.CopyRoot();
        ownerKey = pod.Vault.OwnerPublicKey!;
        foreach (UInt128 id in SimHost.Pairings)
            SavePairing(id);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Dispose();
    }

    internal static byte[] OwnerKey => Made.Value.ownerKey;

    internal static SecretBuffer CopyRoot() => SecretBuffer.Create(Made.Value.root.Length, Made.Value.root.ReadOnlyBytes, static (to, from) => from.CopyTo(to));

    internal static void CopyTo(string target)
    {
        string source = Made.Value.folder["pod"];
        Directory.CreateDirectory(target);
        foreach (string sub in Directory.EnumerateDirectories(source, "*", SearchOption.AllDirectories))
            Directory.CreateDirectory(Path.Combine(target, Path.GetRelativePath(source, sub)));
        foreach (string file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
            File.Copy(file, Path.Combine(target, Path.GetRelativePath(source, file)));
    }

    public void Dispose()
    {
        root.Dispose();
        folder.Dispose();
    }

    private void SavePairing(UInt128 id)
    {
        // The canonical form (S-54): magic 4, id 16, key 32, role 1, seconds 8, name.
        byte[] number = new byte[16];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(number, id);
        byte[] bytes = [.. "VPP1"u8, .. number, .. new byte[31], 1, (byte)HostRole.Home, .. new byte[8], 4, .. "host"u8];
        if (!Pairing.TryRead(bytes, out Pairing? pairing))
            throw new InvalidOperationException("The pairing of a simulated host does not read.");
        using (pairing)
            PairingFolder.Save(PodServer.PairingsOf(folder["pod"]), pairing!);
    }
}
