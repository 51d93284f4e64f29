using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using VmPod.Foundation;
using VmPod.PodKeeper.Serving;
using VmPod.PodKeeper.Tests.Cli;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Wire;
using VmPod.Testing;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using Xunit;

namespace VmPod.PodKeeper.Tests.Serving;

/// <summary>A fork from its beginning to its end, on podkeeper as it is built: nobody misses it, it is shown, kept as a session, or dropped.</summary>
public sealed class ForkCliTests : IDisposable
{
    private const int Chunk = 64 * 1024, Chunks = 8;
    private readonly TempFolder temp = new(inRam: true);
    private readonly List<Pairing> pairings = [];

    public ForkCliTests()
    {
        File.WriteAllText(temp["pin"], "the passphrase of this test");
        File.SetUnixFileMode(temp["pin"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        temp.Sub("files");
        PodKeeperProgram.Run("init", Pod, "--argon-memory", "8", "--no-recovery", "--cell-size", "16", "--pin-file", Pin).Expect(0);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Pod => temp["pod"];

    private string Pin => temp["pin"];

    public void Dispose()
    {
        pairings.ForEach(p => p.Dispose());
        temp.Dispose();
    }

    [Fact]
    [Trait("Threat", "T-49")]
    [Trait("Spec", "P-130")]
    [Trait("Spec", "P-131")]
    [Trait("Spec", "P-132")]
    [Trait("Spec", "P-133")]
    [Trait("Spec", "P-134")]
    [Trait("Spec", "S-78")]
    public void A_fork_is_said_to_whoever_looks_shown_with_what_differs_kept_as_a_session_and_another_is_dropped()
    {
        byte[] disk = RandomNumberGenerator.GetBytes(Chunks * Chunk), ours = Changed(disk, 1, 2), theirs = Changed(disk, 2, 3, 4);
        Write(disk);
        PodKeeperProgram.Run("put", Pod, "work", temp["files"], "--pin-file", Pin).Expect(0);
        Pairing laptop = Paired("laptop", HostRole.Home), desk = Paired("desk", HostRole.Home), guest = Paired("guest", HostRole.Foreign);
        using var served = new ServedProgram(Pod, Pin);

        string fork = Leave(served, laptop, ours, goOn: () => Put(served, desk, theirs));
        // Whoever looks at the pod hears of it.
        JsonElement said = Run("status", Pod).GetProperty("forks").EnumerateArray().Single();
        Assert.Equal(("work", fork, "laptop"), (Text(said, "session"), Text(said, "name"), Text(said, "host")));
        Assert.Contains("session work has a fork left behind by laptop at ", PodKeeperProgram.Run("status", Pod).Expect(0).Output, StringComparison.Ordinal);
        using (var host = new WireHost(served.Address, desk))
        {
            ForkLine line = Forks(host);
            Assert.Equal((fork, "laptop", true, GenerationKind.Checkpoint), (ForkName.Of(line.LeaseId), line.Host, line.Waits, line.Kind));
        }
        // A host that may not know of others is not told of them.
        using (var host = new WireHost(served.Address, guest))
            Assert.Equal("", Forks(host).Host);
        CheckTree(fork);
        CheckDifference(fork, isUnlocked: true);
        PodKeeperProgram.Run("lock", Pod).Expect(0);
        JsonElement locked = Run("forks", Pod).GetProperty("forks").EnumerateArray().Single();
        Assert.Equal((JsonValueKind.Null, 1), (locked.GetProperty("files").ValueKind, locked.GetProperty("fork_since").GetProperty("commits").GetInt32()));
        PodKeeperProgram.Run("keep", Pod, $"{Text(locked, "session")}@{fork}", "rescued").Expect((int)ExitCode.Refused);
        PodKeeperProgram.Run("unlock", Pod, "--pin-file", Pin).Expect(0);

        PodKeeperProgram.Run("keep", Pod, "work@1", "rescued").Expect((int)ExitCode.Usage);
        PodKeeperProgram.Run("keep", Pod, $"work@{fork}", "work").Expect((int)ExitCode.Refused);
        JsonElement kept = Run("keep", Pod, $"work@{fork}", "rescued");
        Assert.Equal(("rescued", 1, "checkpoint"), (Text(kept, "name"), kept.GetProperty("generation").GetInt32(), Text(kept, "kind")));
        Assert.Empty(Run("status", Pod).GetProperty("forks").EnumerateArray());
        Assert.Empty(Run("forks", Pod).GetProperty("forks").EnumerateArray());
        PodKeeperProgram.Run("keep", Pod, $"work@{fork}", "again").Expect((int)ExitCode.NotFound);

        string second = Leave(served, laptop, ours, goOn: static () => { });
        JsonElement tried = Run("forget", Pod, $"work@{second}", "--dry-run");
        Assert.True(tried.GetProperty("cells_to_free").GetInt64() > 0);
        Assert.Equal(second, Text(Run("status", Pod).GetProperty("forks").EnumerateArray().Single(), "name"));
        Assert.Equal(second, Run("forget", Pod, $"work@{second}").GetProperty("forks").EnumerateArray().Single().GetString());
        Assert.Empty(Run("status", Pod).GetProperty("forks").EnumerateArray());

        // Who is not paired any more has no name, and its fork is said all the same.
        string third = Leave(served, laptop, ours, goOn: static () => { });
        PodKeeperProgram.Run("unpair", Pod, laptop.Id.ToString("x32", CultureInfo.InvariantCulture)).Expect(0);
        Assert.StartsWith("a host that is not paired any more", Text(Run("status", Pod).GetProperty("forks").EnumerateArray().Single(), "host"),
            StringComparison.Ordinal);
        JsonElement own = Run("sessions", Pod, "work").GetProperty("sessions")[0].GetProperty("forks")[0];
        Assert.Equal((third, JsonValueKind.Null), (Text(own, "name"), own.GetProperty("host").ValueKind));

        served.Kill();
        MustGive("rescued", ours);
        MustGive("work", theirs);
        PodKeeperProgram.Run("verify", Pod, "--deep", "--pin-file", Pin).Expect(0);
        PodKeeperProgram.Run("audit", "verify", Pod).Expect(0);
        JsonElement[] log = [.. Run("audit", "show", Pod).GetProperty("entries").EnumerateArray()];
        JsonElement[] keeping = [.. log.Where(e => Text(e, "event") == "fork-kept")];
        Assert.Equal(["refused", "ok", "failed"], keeping.Where(e => Text(e, "outcome") != "intent").Select(e => Text(e, "outcome")));
        JsonElement done = keeping.Single(e => Text(e, "outcome") == "ok").GetProperty("detail");
        Assert.Equal((fork, Text(kept, "handle")), (Text(done, "fork"), Text(done, "kept-as")));
        Assert.Equal(second, Text(log.Last(e => Text(e, "event") == "forget").GetProperty("detail"), "which"));
    }

    [Fact]
    [Trait("Spec", "P-130")]
    public void A_long_history_is_folded_but_for_what_waits_for_a_word_and_all_of_it_is_shown_on_demand()
    {
        using var pod = new ServedPod(inRam: true);
        File.WriteAllText(pod.Temp["pin"], Pods.TestPod.Right);
        File.SetUnixFileMode(pod.Temp["pin"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using (var host = new WireHost(pod.Server.Address, pod.Pair()))
        {
            host.Resume();
            host.IsAway = true;
            host.Rest([pod.Temp["files"]]);
            Assert.True(pod.Server.Release(ServedPod.Session, otherHost: true));
            // The third row, far above those that are shown.
            pod.Server.With(p => p.Put(ServedPod.Session, [pod.Temp["files"]], "more", null, Cancel));
            using var again = new WireHost(pod.Server.Address, host.Pairing);
            host.HandIn(again.Link, out _);
        }
        for (int i = 0; i < 15; i++)
            pod.Server.With(p => p.Put(ServedPod.Session, [pod.Temp["files"]], "more", null, Cancel));
        pod.Server.Dispose();
        string[] rows = Rows(pod, "LC_ALL=C");
        // Two parts are left out: @1, and what stands between the fork and the newest ten.
        Assert.Equal(["  : 1 older (--all shows them)", "  : 6 older (--all shows them)"], rows.Where(r => r.StartsWith("  : ", StringComparison.Ordinal)));
        Assert.Equal(["@2", .. Enumerable.Range(9, 10).Select(n => $"@{n}")], rows.Where(r => r.StartsWith("  * @", StringComparison.Ordinal))
            .Select(r => r[4..].Split(' ')[0]));
        Assert.Single(rows, r => r.StartsWith("  |-* @fork-", StringComparison.Ordinal) && r.EndsWith("undecided", StringComparison.Ordinal));
        Assert.EndsWith("  head", rows.Last(r => r.StartsWith("  * @18 ", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.StartsWith("  A fork waits for your word: podkeeper forks DIR work", rows[^1], StringComparison.Ordinal);
        string[] all = Rows(pod, "LC_ALL=C", "--all");
        Assert.Equal(18, all.Count(r => r.StartsWith("  * @", StringComparison.Ordinal)));
        Assert.DoesNotContain(all, r => r.Contains("older", StringComparison.Ordinal));
        // The first variable that is set counts, as for every program.
        Assert.Contains(Rows(pod, "LC_ALL=", "LANG=de_DE.UTF-8", "LC_CTYPE="), r => r.StartsWith("  ├─● @fork-", StringComparison.Ordinal));
        Assert.DoesNotContain(Rows(pod, "LC_ALL=POSIX", "LANG=de_DE.UTF-8"), r => r.Any(c => c > 127));
    }

    private static string[] Rows(ServedPod pod, params string[] settings)
    {
        string[] variables = [.. settings.Where(s => s.Contains('=', StringComparison.Ordinal))];
        string[] options = [.. settings.Except(variables)];
        return PodKeeperProgram.RunAs(["env", .. variables], ["sessions", pod.Folder, "--pin-file", pod.Temp["pin"], .. options]).Expect(0).Output
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    // A host whose lease is broken while it is away, and that comes back when the session has gone on.
    private string Leave(ServedProgram served, Pairing pairing, byte[] content, Action goOn)
    {
        using var host = new WireHost(served.Address, pairing);
        host.Resume("work");
        host.IsAway = true;
        Write(content);
        host.Rest([temp["files"]]);
        host.Cut();
        PodKeeperProgram.Run("release", Pod, "work", "--break").Expect(0);
        goOn();
        using var again = new WireHost(served.Address, pairing);
        host.HandIn(again.Link, out AttachedReply attached);
        Assert.False(attached.IsOpen);
        return ForkName.Of(host.Lease!.LeaseId);
    }

    private void CheckTree(string fork)
    {
        JsonElement session = Run("sessions", Pod, "work").GetProperty("sessions")[0], listed = session.GetProperty("forks")[0];
        Assert.Equal(("@2", fork, "laptop", true, 1, fork["fork-".Length..]), (Text(session, "head"), Text(listed, "name"), Text(listed, "host"),
            listed.GetProperty("waits").GetBoolean(), listed.GetProperty("parent").GetInt32(), Text(listed, "lease")));
        Assert.True(listed.GetProperty("handed_in").GetDateTimeOffset() > DateTimeOffset.UnixEpoch.AddYears(50));
        Assert.Equal(1, session.GetProperty("generations")[1].GetProperty("parent").GetInt32());
        string[] rows = PodKeeperProgram.RunAs(["env", "LC_ALL=C.UTF-8"], "sessions", Pod).Expect(0).Output.Split('\n');
        Assert.Equal(["work", "  ● @1   ", $"  ├─● @{fork}", "  ● @2   ", "  A fork waits for your word: podkeeper forks DIR work"],
            rows.Take(5).Zip((int[])[4, 9, 7 + fork.Length, 9, 100], (row, length) => row.Length > length ? row[..length] : row));
        Assert.Contains("left behind after @1 by laptop", rows[2], StringComparison.Ordinal);
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join('\n', rows));
    }

    private void CheckDifference(string fork, bool isUnlocked)
    {
        JsonElement reply = Run("forks", Pod, "work"), one = reply.GetProperty("forks").EnumerateArray().Single();
        Assert.Equal(isUnlocked, reply.GetProperty("unlocked").GetBoolean());
        Assert.Equal(("work", "@1", "laptop"), (Text(one, "session"), Text(one, "ancestor"), Text(one, "host_text")));
        JsonElement mine = one.GetProperty("fork_since"), yours = one.GetProperty("session_since");
        Assert.Equal((1, 1), (mine.GetProperty("commits").GetInt32(), yours.GetProperty("commits").GetInt32()));
        Assert.True(yours.GetProperty("bytes_added").GetInt64() >= 3 * Chunk);
        JsonElement file = one.GetProperty("files").GetProperty("differ").EnumerateArray().Single();
        Assert.Equal(("disk", 1, 2, 1), (Text(file, "file"), file.GetProperty("fork_chunks").GetInt32(), file.GetProperty("session_chunks").GetInt32(),
            file.GetProperty("both_chunks").GetInt32()));
        Assert.Equal(["both 2-2", "fork 1-1", "session 3-4"], file.GetProperty("ranges").EnumerateArray()
            .Select(r => $"{Text(r, "by")} {r.GetProperty("first").GetInt64()}-{r.GetProperty("last").GetInt64()}"));
        string text = PodKeeperProgram.Run("forks", Pod).Expect(0).Output;
        TestContext.Current.TestOutputHelper?.WriteLine(text);
        Assert.Contains($"work@{fork}  checkpoint, left behind by laptop", text, StringComparison.Ordinal);
        Assert.Contains("disk: 1 in the fork, 2 in the session, 1 in both", text, StringComparison.Ordinal);
        Assert.Contains($"podkeeper keep DIR work@{fork} NAME", text, StringComparison.Ordinal);
    }

    private static ForkLine Forks(WireHost host)
    {
        SessionReply found = host.Link.Call(new FindRequest { Name = "work" }, WireHost.Patience);
        return host.Link.Call(new ForksRequest { Session = found.Handle }, WireHost.Patience).Lines.Single();
    }

    private void Put(ServedProgram served, Pairing pairing, byte[] content)
    {
        Write(content);
        using var host = new WireHost(served.Address, pairing);
        using SessionLease lease = host.Resume("work");
        SnapshotWriter.Put(lease, [temp["files"]], "theirs", null, Cancel);
    }

    private void MustGive(string session, byte[] content)
    {
        PodKeeperProgram.Run("get", Pod, session, temp[$"out-{session}"], "--pin-file", Pin).Expect(0);
        Assert.True(File.ReadAllBytes(temp[$"out-{session}", "disk"]).AsSpan().SequenceEqual(content), $"{session} is not what was written");
    }

    private void Write(byte[] content) => File.WriteAllBytes(temp["files", "disk"], content);

    private static JsonElement Run(params string[] arguments) => PodKeeperProgram.Run([.. arguments, "--json"]).Expect(0).Json;

    private static string? Text(JsonElement element, string name) => element.GetProperty(name).GetString();

    private static byte[] Changed(byte[] bytes, params int[] chunks)
    {
        byte[] changed = [.. bytes];
        foreach (int chunk in chunks)
            RandomNumberGenerator.Fill(changed.AsSpan(chunk * Chunk, Chunk));
        return changed;
    }

    private Pairing Paired(string name, HostRole role)
    {
        byte[] bytes = [.. "VPP1"u8, .. RandomNumberGenerator.GetBytes(48), (byte)role, .. new byte[8], (byte)name.Length, .. Encoding.ASCII.GetBytes(name)];
        Assert.True(Pairing.TryRead(bytes, out Pairing? pairing));
        PairingFolder.Save(PodServer.PairingsOf(Pod), pairing!);
        pairings.Add(pairing!);
        return pairing!;
    }
}
