using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using VmPod.Audit;
using VmPod.PodKeeper.Serving;
using VmPod.PodKeeper.Tests.Pods;
using VmPod.Secrets;
using VmPod.Sync.Channel.Pairings;
using VmPod.Testing;
using VmPod.Vault;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using Xunit;

namespace VmPod.PodKeeper.Tests.Serving;

/// <summary>A pod with two generations of one session, served on loopback.</summary>
internal sealed class ServedPod : IDisposable
{
    internal const string Session = "work";
    private readonly List<Pairing> pairings = [];
    private readonly bool isMounted;

    /// <param name="unlocked">Whether it is unlocked.</param>
    /// <param name="time">Its clock.</param>
    /// <param name="diskMiB">A disk of its own of this size (tmpfs; needs root).</param>
    /// <param name="inRam">In memory: where thousands of commits would wait for a disk.</param>
    internal ServedPod(bool unlocked = true, TimeProvider? time = null, int? diskMiB = null, bool inRam = false)
    {
        Temp = new TempFolder(inRam);
        if (diskMiB is { } size)
        {
            Mounting("mount", "-t", "tmpfs", "-o", $"size={size}m", "tmpfs", Temp.FullPath);
            isMounted = true;
        }
        Time = time ?? TimeProvider.System;
        using (SecretBuffer passphrase = TestPod.Secret(TestPod.Right))
        using (Pod made = Pod.Init(Folder, passphrase, new VaultOptions { Argon2MemoryKiB = 8 * 1024, CellBytes = 16 * 1024 }, TimeProvider.System))
        {
            Temp.Sub("files");
            for (int i = 0; i < 2; i++)
            {
                File.WriteAllBytes(Temp["files", "a"], RandomNumberGenerator.GetBytes(300_000));
                made.Put(Session, [Temp["files"]], "put", null, TestContext.Current.CancellationToken);
            }
        }
        Start(unlocked);
    }

    internal TempFolder Temp { get; }

    internal TimeProvider Time { get; }

    internal string Folder => Temp["pod"];

    internal PodServer Server { get; private set; } = null!;

    internal List<ServerNote> Notes { get; } = [];

    internal List<AuditEntry> Log => [.. AuditTrail.OpenReader(Folder).Read()];

    internal void Start(bool unlocked)
    {
        Pod pod = Pod.Open(Folder, StoreAccess.Write, TimeProvider.System);
        Server = PodServer.Start(pod, new IPEndPoint(IPAddress.Loopback, 0), Time, note =>
        {
            lock (Notes)
                Notes.Add(note);
        });
        if (unlocked)
            Unlock();
    }

    internal void Unlock()
    {
        using SecretBuffer passphrase = TestPod.Secret(TestPod.Right);
        Assert.True(Server.TryUnlock(passphrase));
    }

    /// <summary>A pairing that pod and host have.</summary>
    internal Pairing Pair(HostRole role = HostRole.Foreign, bool isKnown = true)
    {
        // The canonical form (S-54): magic 4, id 16, key 32, role 1, seconds 8, name.
        byte[] bytes = [.. "VPP1"u8, .. RandomNumberGenerator.GetBytes(48), (byte)role, .. new byte[8], 4, .. "host"u8];
        Assert.True(Pairing.TryRead(bytes, out Pairing? pairing));
        if (isKnown)
            PairingFolder.Save(PodServer.PairingsOf(Folder), pairing!);
        pairings.Add(pairing!);
        return pairing!;
    }

    /// <summary>As <see cref="Pair"/>, from any thread.</summary>
    internal Pairing PairSafely()
    {
        lock (pairings)
            return Pair();
    }

    internal WireHost Connect(HostRole role = HostRole.Foreign) => new(Server.Address, Pair(role));

    /// <summary>The cells of all segments by what the vault says of the log: the newest generation's, and those that only the one before needs.</summary>
    internal (CellId[] Now, CellId[] Before) Cells() => Server.With(pod =>
    {
        HashSet<CellId> live = [], dropped = [];
        foreach (var header in pod.Vault.Store.EnumerateLog(0).Where(h => LogEntryTypes.IsCommit(h.Type)))
        {
            var commit = VmPod.Vault.Sessions.CommitEntry.Read(pod.Vault.Store.ReadEntry(header.Offset).Payload.Span);
            live.UnionWith(commit.Added);
            live.ExceptWith(commit.Dropped);
            dropped.UnionWith(commit.Dropped);
        }
        return (live.ToArray(), dropped.ToArray());
    });

    public void Dispose()
    {
        Server.Dispose();
        foreach (Pairing pairing in pairings)
            pairing.Dispose();
        if (isMounted)
            Mounting("umount", "--lazy", Temp.FullPath);
        Temp.Dispose();
    }

    private static void Mounting(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"This test mounts a small file system and needs root: {program} said {error}");
    }
}
