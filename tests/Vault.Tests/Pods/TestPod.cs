using System.Text;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Keys;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using VmPod.Vault.Words;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>A vault in a folder of its own, with folders beside it to put and to get.</summary>
internal sealed class TestPod : IDisposable
{
    internal const string Session = "work";
    internal static readonly UInt128 Host = new(1, 2);

    // The least that a slot may have (RFC 9106 advises more): the cost of a guess is not what these tests measure.
    internal static readonly VaultOptions Cheap = new() { Argon2MemoryKiB = 8 * 1024 };

    private readonly bool keepsFolder;
    private readonly TimeProvider time;
    private int gets;

    internal TestPod(int cellBytes = 64 * 1024, string? root = null, RecoveryWords? words = null, byte suite = CellSuite.HmacAes,
        TimeProvider? time = null)
    {
        this.time = time ?? TimeProvider.System;
        keepsFolder = root is not null;
        Root = root ?? Directory.CreateTempSubdirectory("vmpod-test-").FullName;
        Source = Directory.CreateDirectory(Path.Combine(Root, "source")).FullName;
        using SecretBuffer secret = Secret();
        Vault = PodVault.Create(Folder, secret, Cheap with { CellBytes = cellBytes, Suite = suite }, this.time, words);
    }

    internal string Root { get; }

    internal string Folder => Path.Combine(Root, "pod");

    /// <summary>What is put.</summary>
    internal string Source { get; }

    internal PodVault Vault { get; private set; }

    internal static SecretBuffer Secret(string passphrase = "correct horse") =>
        SecretBuffer.Create(passphrase.Length, passphrase, static (bytes, text) => Encoding.ASCII.GetBytes(text, bytes));

    /// <summary>Opens a pod folder for writing and unlocks it.</summary>
    internal static PodVault Unlock(string folder, StoreAccess access = StoreAccess.Write, TimeProvider? time = null)
    {
        PodVault vault = PodVault.Open(folder, access, time ?? TimeProvider.System);
        try
        {
            using SecretBuffer secret = Secret();
            Assert.True(vault.TryUnlock(secret), "the right passphrase was called wrong");
            return vault;
        }
        catch
        {
            vault.Dispose();
            throw;
        }
    }

    internal void Reopen()
    {
        Vault.Dispose();
        Vault = Unlock(Folder, time: time);
    }

    internal string FileOf(string name) => Path.Combine(Source, name);

    internal void Write(string name, ReadOnlySpan<byte> bytes)
    {
        string path = FileOf(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
    }

    internal SnapshotWriter.Summary Put(string session = Session, IProgress<TransferProgress>? progress = null, CancellationToken cancel = default) =>
        Put(Vault, Source, session, progress, cancel);

    /// <summary>As podkeeper does it: a lease for one put, closed whatever happens.</summary>
    internal static SnapshotWriter.Summary Put(
        PodVault vault, string source, string session = Session, IProgress<TransferProgress>? progress = null, CancellationToken cancel = default)
    {
        using SessionLease lease = vault.BeginLease(session, create: true, Host);
        try
        {
            return SnapshotWriter.Put(lease, [source], "put", progress, cancel);
        }
        catch
        {
            lease.Close();
            throw;
        }
    }

    /// <summary>Gets a generation into a new folder beside the pod.</summary>
    internal string Get(ulong? generation = null, string session = Session)
    {
        string folder = Path.Combine(Root, $"get-{gets++}");
        using SessionReader reader = Vault.OpenSession(session, generation);
        SnapshotReader.Get(reader, folder, progress: null, TestContext.Current.CancellationToken);
        return folder;
    }

    /// <summary>A copy of the source as it is now, to compare with later.</summary>
    internal string Keep(string name)
    {
        string copy = Path.Combine(Root, "kept-" + name);
        FolderTree.Run("cp", "-a", "--sparse=always", Source, copy);
        return copy;
    }

    public void Dispose()
    {
        Vault.Dispose();
        if (!keepsFolder)
            // Names that .NET cannot say are deleted as well.
            FolderTree.Run("rm", "-rf", Root);
    }
}
