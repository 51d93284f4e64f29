using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>A damaged entry of the log takes with it what it says, and nothing else: not other generations, not other sessions.</summary>
[Collection(PodsCollection.Name)]
public sealed class LogDamageTests
{
    private const string Other = "other", LogFile = "v1/log", IndexFile = "v1/logindex";
    private const int Generations = 5;

    public enum Part
    {
        Length,
        Type,
        Record,
        Generation,
        Session,
        Kind,
        Signature,
        Ids,
    }

    public static TheoryData<Part, int, bool> EveryPartOfEveryCommit()
    {
        var all = new TheoryData<Part, int, bool>();
        foreach (Part part in Enum.GetValues<Part>())
        {
            foreach (int generation in new[] { 2, Generations })
            {
                all.Add(part, generation, true);
                all.Add(part, generation, false);
            }
        }
        return all;
    }

    [Theory]
    [MemberData(nameof(EveryPartOfEveryCommit))]
    [Trait("Spec", "V-34")]
    [Trait("Spec", "V-74")]
    public void A_bit_of_a_commits_entry_costs_that_generation_and_the_refusal_names_it(Part part, int generation, bool withIndex)
    {
        using TestPod pod = TwoSessions(out List<string> kept, out string other);
        LogEntryHeader entry = CommitOf(pod, generation);
        pod.Vault.Dispose();
        if (!withIndex)
            File.Delete(Path.Combine(pod.Folder, IndexFile));
        Flip(Path.Combine(pod.Folder, LogFile), PlaceOf(entry, part));

        pod.Reopen();
        // The attack works: the bytes that the head vouched for are not there any more.
        Assert.NotNull(pod.Vault.Verify(progress: null, TestContext.Current.CancellationToken).LogDamage);
        for (int i = 1; i <= Generations; i++)
        {
            if (i != generation)
            {
                FolderTree.AssertSame(kept[i - 1], pod.Get((ulong)i));
                continue;
            }
            VmPodException refused = Assert.Throws<VmPodException>(() => pod.Get((ulong)generation));
            Assert.Equal(ExitCode.Damaged, refused.ExitCode);
            Assert.Contains($"Generation {generation} of session {TestPod.Session} is damaged", refused.Message, StringComparison.Ordinal);
        }
        Assert.Equal(ExitCode.NotFound, Assert.Throws<VmPodException>(() => pod.Get(Generations + 1)).ExitCode);
        FolderTree.AssertSame(other, pod.Get(session: Other));
        FolderTree.AssertSame(other, pod.Get(1, Other));
        SessionSummary session = pod.Vault.FindSession(TestPod.Session);
        Assert.Equal(Enumerable.Range(1, Generations).Where(g => g != generation).Select(g => (ulong)g),
            pod.Vault.ListGenerations(session.Handle).Select(g => g.Record.Generation));
        Assert.Equal(2, pod.Vault.ListSessions().Count);
        Assert.Equal(generation == Generations, session.IsTipDamaged);
        if (generation < Generations)
        {
            FolderTree.AssertSame(kept[^1], pod.Get());
            return;
        }
        VmPodException newest = Assert.Throws<VmPodException>(() => pod.Get());
        Assert.Equal(ExitCode.Damaged, newest.ExitCode);
        Assert.Contains($"{TestPod.Session}@{Generations - 1}", newest.Hint, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Spec", "V-36")]
    public void A_session_whose_newest_generation_is_damaged_goes_on_from_the_one_before_with_a_number_of_its_own()
    {
        using TestPod pod = TwoSessions(out List<string> kept, out _);
        LogEntryHeader entry = CommitOf(pod, Generations);
        pod.Vault.Dispose();
        Flip(Path.Combine(pod.Folder, LogFile), PlaceOf(entry, Part.Signature));
        pod.Reopen();
        // Not by itself: the owner says from where.
        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => pod.Put()).ExitCode);
        Assert.False(pod.Vault.FindSession(TestPod.Session).LeaseIsOpen);
        pod.Write("a", Data.Text(99, 100_000));
        using (SessionLease lease = pod.Vault.BeginLease(TestPod.Session, create: false, TestPod.Host, Generations - 1))
        {
            SnapshotWriter.Summary put = SnapshotWriter.Put(lease, [pod.Source], "put", progress: null, TestContext.Current.CancellationToken);
            Assert.Equal(Generations + 1UL, put.Commit.Record.Generation);
        }
        pod.Reopen();
        FolderTree.AssertSame(pod.Source, pod.Get());
        FolderTree.AssertSame(kept[1], pod.Get(2));
        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => pod.Get(Generations)).ExitCode);
    }

    [Fact]
    public void A_session_without_a_sound_commit_is_called_damaged_not_absent_and_others_go_on()
    {
        using TestPod pod = TwoSessions(out List<string> kept, out _);
        SessionHandle handle = pod.Vault.FindSession(Other).Handle;
        LogEntryHeader entry = Entries(pod).Single(e => CommitAt(pod, e) is { } c && c.Session == handle);
        pod.Vault.Dispose();
        Flip(Path.Combine(pod.Folder, LogFile), PlaceOf(entry, Part.Record));
        pod.Reopen();
        foreach (string name in new[] { Other, handle.ToString() })
            Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => pod.Vault.FindSession(name)).ExitCode);
        // Above all it is not made anew under the same name.
        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => pod.Put(Other)).ExitCode);
        Assert.Equal(ExitCode.NotFound, Assert.Throws<VmPodException>(() => pod.Vault.FindSession("third")).ExitCode);
        FolderTree.AssertSame(kept[^1], pod.Get());
        pod.Put();
    }

    [Fact]
    public void A_damaged_name_of_a_session_hides_that_name_only()
    {
        using TestPod pod = TwoSessions(out List<string> kept, out _);
        SessionHandle handle = pod.Vault.FindSession(Other).Handle;
        long place = (long)pod.Vault.FindSession(Other).Tip.SessionOffset;
        pod.Vault.Dispose();
        Flip(Path.Combine(pod.Folder, LogFile), place + 5 + 16 + 8 + 64 + 40);
        pod.Reopen();
        Assert.Null(pod.Vault.ListSessions().Single(s => s.Handle == handle).Name);
        FolderTree.AssertSame(kept[^1], pod.Get());
        // "other" may be that one.
        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => pod.Put(Other)).ExitCode);
        pod.Put();
    }

    [Fact]
    public void A_bit_anywhere_in_the_log_leaves_every_generation_of_another_commit_readable()
    {
        using TestPod pod = TwoSessions(out List<string> kept, out string other);
        LogEntryHeader[] entries = [.. Entries(pod)];
        long headBytes = pod.Vault.Store.LogBytes - entries.Where(e => e.Type == LogEntryTypes.Head).Max(e => e.Offset);
        pod.Vault.Dispose();
        string path = Path.Combine(pod.Folder, LogFile);
        byte[] good = File.ReadAllBytes(path);
        var random = new Random(7);
        int lost = 0;
        for (int i = 0; i < 25; i++)
        {
            // Past the vault's own entry, and not in the newest head: without those there is no vault (and the tests of the store say so).
            long at = random.NextInt64(entries[1].Offset, good.Length - headBytes);
            byte[] bad = [.. good];
            bad[at] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(path, bad);
            File.Delete(Path.Combine(pod.Folder, IndexFile));
            pod.Reopen();
            var damaged = new List<string>();
            for (int g = 1; g <= Generations; g++)
                Try(pod, TestPod.Session, (ulong)g, kept[g - 1], damaged);
            Try(pod, Other, 1, other, damaged);
            LogEntryHeader hit = entries.Last(e => e.Offset <= at);
            // A key of a session (SESSION, EPOCH) takes all of it; a lease or commit what was written under it; a head nothing.
            int bound = hit.Type switch
            {
                LogEntryTypes.Head => 0,
                LogEntryTypes.Commit => 1,
                _ => Generations,
            };
            Assert.True(damaged.Count <= bound, $"bit of byte {at}, in an entry of type {hit.Type}, cost {string.Join(", ", damaged)}");
            lost += damaged.Count;
            pod.Vault.Dispose();
        }
        Assert.True(lost > 0, "no bit cost anything: nothing was tested");
    }

    [Fact]
    [Trait("Spec", "V-75")]
    public void An_index_of_the_log_that_is_torn_stale_foreign_or_lies_is_not_believed()
    {
        const int header = 40, mark = LogMark.Size;
        using TestPod pod = TwoSessions(out List<string> kept, out string other), foreign = TwoSessions(out _, out _);
        foreign.Vault.Dispose();
        string path = Path.Combine(pod.Folder, IndexFile);
        pod.Vault.Dispose();
        byte[] stale = File.ReadAllBytes(path);
        pod.Reopen();
        pod.Write("a", Data.Text(77, 30_000));
        pod.Put();
        kept.Add(pod.Keep("newest"));
        pod.Vault.Dispose();
        byte[] good = File.ReadAllBytes(path);
        Assert.True(good.Length > stale.Length && (good.Length - header) % mark == 0, "nothing was written down");
        byte[] Changed(Action<byte[]> change)
        {
            byte[] bytes = [.. good];
            change(bytes);
            return bytes;
        }
        // Every place is that of the entry after it; then each is 2^56 too high, or below zero; then nothing is there although the header covers all.
        byte[] shifted = Changed(b => good.AsSpan(header + mark + 32, 8).CopyTo(b.AsSpan(header + 32)));
        for (int at = header; at + 2 * mark <= good.Length; at += mark)
            good.AsSpan(at + mark + 32, 8).CopyTo(shifted.AsSpan(at + 32));
        byte[] All(int offset, byte value) => Changed(b =>
        {
            for (int at = header; at < b.Length; at += mark)
                b[at + offset] = value;
        });
        byte[][] indexes =
        [
            good, stale, [], new byte[good.Length], good[..^1], good[..(header + 1)], good[..header],
            File.ReadAllBytes(Path.Combine(foreign.Folder, IndexFile)),
            shifted, All(32, 1), All(32, 0x80), All(7, LogEntryTypes.Lease), All(8, 0), All(31, 3), Changed(b => b.AsSpan(32, 8).Clear()),
            Changed(b => b[24] = 0x7F), Changed(b => b[31] ^= 1), Changed(b => b[32] = 0x7F), Data.Random(1, good.Length),
        ];
        foreach (byte[] index in indexes)
        {
            File.WriteAllBytes(path, index);
            foreach (ulong generation in new[] { 1UL, 4UL, 6UL })
            {
                // A reader each: what one learns must not help the next.
                using PodVault vault = TestPod.Unlock(pod.Folder, StoreAccess.Read);
                string folder = Path.Combine(pod.Root, "index-get");
                using SessionReader reader = vault.OpenSession(TestPod.Session, generation);
                SnapshotReader.Get(reader, folder, progress: null, TestContext.Current.CancellationToken);
                FolderTree.AssertSame(kept[(int)generation - 1], folder);
                Directory.Delete(folder, recursive: true);
                Assert.Equal(ExitCode.NotFound, Assert.Throws<VmPodException>(() => vault.OpenSession(TestPod.Session, 7)).ExitCode);
                Assert.Equal(6, vault.ListGenerations(reader.Handle).Count);
            }
            Assert.Equal(index, File.ReadAllBytes(path));
        }
        pod.Reopen();
        FolderTree.AssertSame(other, pod.Get(session: Other));
        pod.Vault.Dispose();
        // A writer leaves a good one behind.
        Assert.Equal(good.AsSpan(header).ToArray(), File.ReadAllBytes(path)[header..good.Length]);
    }

    private static void Try(TestPod pod, string session, ulong generation, string expected, List<string> damaged)
    {
        try
        {
            FolderTree.AssertSame(expected, pod.Get(generation, session));
        }
        catch (VmPodException e) when (e.ExitCode is ExitCode.Damaged or ExitCode.NotFound)
        {
            damaged.Add($"{session}@{generation} ({e.ExitCode})");
        }
    }

    // Five generations of one session, the last three of which share no chunk, and one of another in between.
    private static TestPod TwoSessions(out List<string> kept, out string other)
    {
        var pod = new TestPod(16 * 1024);
        kept = [];
        other = "";
        for (int i = 1; i <= Generations; i++)
        {
            pod.Write("a", Data.Text(i, 30_000));
            pod.Write("b", Data.Random(i, 20_000));
            pod.Put();
            kept.Add(pod.Keep($"generation-{i}"));
            if (i != 2)
                continue;
            pod.Put(Other);
            other = kept[^1];
        }
        return pod;
    }

    private static IEnumerable<LogEntryHeader> Entries(TestPod pod) => pod.Vault.Store.EnumerateLog(0);

    private static CommitRecord? CommitAt(TestPod pod, LogEntryHeader header) =>
        header.Type == LogEntryTypes.Commit ? CommitEntry.Read(pod.Vault.Store.ReadEntry(header.Offset).Payload.Span).Record : null;

    private static LogEntryHeader CommitOf(TestPod pod, int generation)
    {
        SessionHandle handle = pod.Vault.FindSession(TestPod.Session).Handle;
        return Entries(pod).Single(e => CommitAt(pod, e) is { } c && c.Session == handle && c.Generation == (ulong)generation);
    }

    // Offsets of V-32.
    private static long PlaceOf(LogEntryHeader entry, Part part) => part switch
    {
        Part.Length => entry.Offset + 3,
        Part.Type => entry.Offset + 4,
        Part.Record => entry.Offset + 5,
        Part.Session => entry.Offset + 5 + 20 + 15,
        Part.Kind => entry.Offset + 5 + 60,
        Part.Generation => entry.Offset + 5 + 61 + 7,
        Part.Signature => entry.Next - entry.Bytes + RecordBytes,
        _ => entry.Next - 1,
    };

    // With one cell of manifest.
    private const int RecordBytes = 4 + 16 + 16 + 8 + 8 + 8 + 1 + 8 + 8 + 32 + 8 + 8 + 8 + 2 + 32 + 4 + 4 + 4 + 32 + 4 + 32 + 8 + 32;

    private static void Flip(string path, long at)
    {
        byte[] bytes = File.ReadAllBytes(path);
        bytes[at] ^= 1;
        File.WriteAllBytes(path, bytes);
    }
}
