using System.Text;
using VmPod.PodKeeper.Tests.Audit;
using VmPod.Secrets;
using VmPod.Testing;
using VmPod.Vault;
using VmPod.Vault.Cells;
using VmPod.Vault.Words;

namespace VmPod.PodKeeper.Tests.Pods;

/// <summary>A pod in a folder of the test's own, and some files to put.</summary>
internal sealed class TestPod : IDisposable
{
    internal const string Right = "correct horse battery";

    internal TestPod(RecoveryWords? words = null)
    {
        using SecretBuffer passphrase = Secret(Right);
        using Pod made = PodKeeper.Pod.Init(Folder, passphrase, new VaultOptions { Argon2MemoryKiB = 8 * 1024 }, Clock, words);
        VaultId = made.Vault.Descriptor.VaultId;
        File.WriteAllText(Path.Combine(Temp.Sub("files"), "a.txt"), "some bytes");
    }

    internal TempFolder Temp { get; } = new();

    internal TestClock Clock { get; } = new();

    internal string Folder => Temp["pod"];

    internal string Files => Temp["files"];

    internal UInt128 VaultId { get; }

    internal static SecretBuffer Secret(string text) =>
        SecretBuffer.Create(Encoding.UTF8.GetByteCount(text), bytes => Encoding.UTF8.GetBytes(text, bytes));

    internal Pod Open(StoreAccess access = StoreAccess.Write) => PodKeeper.Pod.Open(Folder, access, Clock);

    internal Pod OpenUnlocked(StoreAccess access = StoreAccess.Write)
    {
        Pod pod = Open(access);
        using SecretBuffer passphrase = Secret(Right);
        Xunit.Assert.True(pod.TryUnlock(passphrase));
        return pod;
    }

    /// <summary>The log's entries as "event outcome".</summary>
    internal List<string> Events() =>
        [.. AuditTrail.OpenReader(Folder).Read().Select(e => $"{e.Event} {e.Outcome.ToString().ToLowerInvariant()}")];

    /// <summary>No further entry can be made durable: the name of the next checkpoint is taken.</summary>
    internal void BreakLog() => Directory.CreateDirectory(Path.Combine(Folder, "v1", "audit", "checkpoint.new", "x"));

    public void Dispose() => Temp.Dispose();
}
