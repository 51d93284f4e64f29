using System.Globalization;
using System.Text.Json;
using VmPod.PodKeeper.Tests.Cli;
using VmPod.PodKeeper.Tests.Serving;
using VmPod.Vault.Cells;
using Xunit;

namespace VmPod.PodKeeper.Tests.Mirrors;

/// <summary>mirror, restore and repair, as a person runs them.</summary>
public sealed class MirrorCliTests : IDisposable
{
    private readonly MirrorBench bench = new();

    private string Pod => bench.Pod;

    private string Mirror => bench.Mirror;

    public void Dispose() => bench.Dispose();

    [Fact]
    [Trait("Spec", "P-110")]
    [Trait("Spec", "P-111")]
    [Trait("Spec", "P-116")]
    [Trait("Spec", "P-118")]
    [Trait("Spec", "P-120")]
    [Trait("Spec", "V-189")]
    [Trait("Threat", "T-10")]
    public void A_pod_that_was_thrown_away_comes_back_from_its_mirror_with_the_recovery_words()
    {
        // Locked, both ways: nobody gives a passphrase.
        JsonElement dry = MirrorBench.Run("mirror", Pod, Mirror, "--dry-run").Expect(0).Json;
        Assert.False(Directory.Exists(Mirror));
        JsonElement first = MirrorBench.Run("mirror", Pod, Mirror).Expect(0).Json;
        Assert.Equal("new", first.GetProperty("verdict").GetString());
        Assert.Equal(dry.GetProperty("cells").GetInt64(), first.GetProperty("cells").GetInt64());
        Assert.False(Directory.Exists(Path.Combine(Mirror, "v1", "nv")));
        Assert.False(Directory.Exists(Path.Combine(Mirror, "v1", "slots")));
        bench.Put(200_000);
        JsonElement second = MirrorBench.Run("mirror", Pod, Mirror).Expect(0).Json;
        Assert.Equal("newer", second.GetProperty("verdict").GetString());
        // What is new of 200,000 bytes that compress to nothing less, and its tables.
        Assert.InRange(second.GetProperty("cells").GetInt64(), 4, 8);
        JsonElement third = MirrorBench.Run("mirror", Pod, Mirror).Expect(0).Json;
        Assert.Equal(("same", 0L), (third.GetProperty("verdict").GetString(), third.GetProperty("cells").GetInt64()));
        JsonElement status = MirrorBench.Run("status", Pod).Expect(0).Json;
        Assert.Equal(status.GetProperty("head").GetInt64(), status.GetProperty("mirrored_head").GetInt64());
        MirrorBench.Run("verify", Mirror).Expect(0);
        Assert.Equal(1, MirrorBench.Run("sessions", Mirror).Expect(0).Json.GetProperty("sessions").GetArrayLength());
        MirrorBench.Run("audit", "verify", Mirror).Expect(0);
        MustShowNothing();
        MirrorBench.Run("get", Mirror, MirrorBench.Session, bench.Temp["no"], "--pin-file", bench.Temp["pin"]).Expect(4);

        Directory.Delete(Pod, recursive: true);
        bench.MustComeBack(Mirror);
        // And its mirror goes on from there.
        Assert.Equal("newer", MirrorBench.Run("mirror", bench.Temp["back"], Mirror).Expect(0).Json.GetProperty("verdict").GetString());
    }

    // Neither what the session holds, nor its name, nor a secret of the pod; and all cells are of one size.
    private void MustShowNothing()
    {
        byte[][] secrets = [bench.Content[..32], bench.Content[^32..], "disk.raw"u8.ToArray(),
            .. Directory.GetFiles(Path.Combine(Pod, "v1", "nv")).Select(File.ReadAllBytes)];
        Assert.True(secrets.Length >= 6);
        foreach (string file in Directory.GetFiles(Mirror, "*", SearchOption.AllDirectories))
            Assert.True(secrets.All(s => File.ReadAllBytes(file).AsSpan().IndexOf(s) < 0), file);
        Assert.All(Directory.GetFiles(Path.Combine(Mirror, "v1", "segments")), f => Assert.Equal(0, new FileInfo(f).Length % 65_536));
    }

    [Fact]
    [Trait("Spec", "P-111")]
    [Trait("Threat", "T-46")]
    public void What_is_no_mirror_of_this_pod_is_refused_and_left_alone()
    {
        File.WriteAllText(Path.Combine(bench.Temp.Sub("mine"), "a.txt"), "mine");
        MirrorBench.Run("mirror", Pod, bench.Temp["mine"]).Expect(4);
        Assert.Equal(["a.txt"], Directory.GetFileSystemEntries(bench.Temp["mine"]).Select(Path.GetFileName));
        MirrorBench.Copy(Pod, bench.Temp["copy"]);
        SortedDictionary<string, string> before = MirrorBench.Look(bench.Temp["copy"]);
        MirrorBench.Run("mirror", Pod, bench.Temp["copy"]).Expect(4);
        Assert.Equal(before, MirrorBench.Look(bench.Temp["copy"]));
        // Of another vault.
        Directory.CreateDirectory(bench.Temp["other", "v1"]);
        new MirrorNotes(7).Write(bench.Temp["other"]);
        MirrorBench.Run("mirror", Pod, bench.Temp["other"]).Expect(4);
        Assert.Equal(["mirror"], Directory.GetFileSystemEntries(bench.Temp["other", "v1"]).Select(Path.GetFileName));
        MirrorBench.Run("mirror", Pod, "ftp://there/x").Expect(2);
        MirrorBench.Run("mirror", Pod, "ssh://-oProxyCommand=x/y").Expect(2);
        // A mirror cannot be put to, and nobody can make a pod's head from it.
        MirrorBench.Run("mirror", Pod, Mirror).Expect(0);
        MirrorBench.Run("gc", Mirror).Expect(4);
        MirrorBench.Run("restore", Mirror, Pod).Expect(4);
    }

    [Fact]
    [Trait("Spec", "P-115")]
    [Trait("Threat", "T-45")]
    public void An_older_or_a_forked_pod_is_an_alarm_and_changes_nothing()
    {
        string old = bench.Temp["old"];
        MirrorBench.Copy(Pod, old);
        bench.Put(50_000);
        MirrorBench.Run("mirror", Pod, Mirror).Expect(0);
        SortedDictionary<string, string> before = MirrorBench.Look(Mirror);
        // The copy opens, and is whole: without a witness nothing tells it from the pod.
        MirrorBench.Run("verify", old).Expect(0);
        Assert.Equal("older", MirrorBench.Run("mirror", old, Mirror).Expect(5).Json.GetProperty("verdict").GetString());
        Assert.NotEqual(JsonValueKind.Null, MirrorBench.Run("mirror", Mirror).Expect(0).Json.GetProperty("alarm_at").ValueKind);
        Assert.Equal(JsonValueKind.Null, MirrorBench.Run("mirror", Mirror, "--dismiss-alarm").Expect(0).Json.GetProperty("alarm_at").ValueKind);
        // As many heads as the mirror has seen, and others.
        bench.Put(50_000, old);
        Assert.Equal("forked", MirrorBench.Run("mirror", old, Mirror).Expect(5).Json.GetProperty("verdict").GetString());
        Assert.Equal(before, MirrorBench.Look(Mirror));
        string log = MirrorBench.Run("audit", "show", old).Expect(0).Output;
        Assert.Contains("\"rollback-alarm\"", log, StringComparison.Ordinal);
        Assert.Contains("\"fork-alarm\"", log, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Spec", "P-117")]
    [Trait("Spec", "P-122")]
    [Trait("Threat", "T-47")]
    public void What_was_forgotten_stays_until_it_was_forgotten_long_enough_and_while_an_alarm_lasts()
    {
        byte[] first = bench.Content;
        ulong head = MirrorBench.Run("mirror", Pod, Mirror).Expect(0).Json.GetProperty("head").GetUInt64();
        MirrorBench.Copy(Pod, bench.Temp["old"]);
        bench.Put(300_000);
        MirrorBench.Run("forget", Pod, MirrorBench.Session + "@1", "--pin-file", bench.Temp["pin"]).Expect(0);
        long gone = MirrorBench.Run("gc", Pod).Expect(0).Json.GetProperty("cells_freed").GetInt64();
        Assert.InRange(gone, 4, 8);
        Assert.Equal(0, MirrorBench.Run("mirror", Pod, Mirror).Expect(0).Json.GetProperty("freed").GetInt64());
        // The pod has them no more, and the mirror does: all was forgotten there by somebody who had it unlocked, and is there again.
        MirrorBench.Run("restore", Mirror, bench.Temp["then"], "--head", head.ToString(CultureInfo.InvariantCulture)).Expect(0);
        MirrorBench.Run("recover", bench.Temp["then"], "--words-file", bench.Temp["words"], "--pin-file", bench.Temp["new"], "--argon-memory", "8").Expect(0);
        MirrorBench.Run("get", bench.Temp["then"], MirrorBench.Session, bench.Temp["was"], "--pin-file", bench.Temp["new"]).Expect(0);
        Assert.Equal(first, File.ReadAllBytes(bench.Temp["was", "disk.raw"]));
        Assert.False(Directory.Exists(bench.Temp["then.logs"]));
        MirrorBench.Run("restore", Mirror, bench.Temp["never"], "--before", "2020-01-01T00:00:00Z").Expect(3);
        MirrorBench.Run("mirror", bench.Temp["old"], Mirror).Expect(5);
        Assert.Equal(0, MirrorBench.Run("mirror", Pod, Mirror, "--forget-delay", "0").Expect(0).Json.GetProperty("freed").GetInt64());
        Assert.Equal(gone, MirrorBench.Run("mirror", Pod, Mirror, "--forget-delay", "0", "--dismiss-alarm").Expect(0).Json.GetProperty("freed").GetInt64());
        bench.Put(50_000);
        MirrorBench.Run("mirror", Pod, Mirror).Expect(0);
        MirrorBench.Run("verify", Mirror).Expect(0);
    }

    [Fact]
    [Trait("Spec", "P-113")]
    public void A_served_pod_is_mirrored_by_its_server()
    {
        using (var server = new ServedProgram(Pod, bench.Temp["pin"]))
        {
            JsonElement done = MirrorBench.Run("mirror", Pod, Mirror).Expect(0).Json;
            Assert.Equal("new", done.GetProperty("verdict").GetString());
            Assert.True(MirrorBench.Run("status", Pod).Expect(0).Json.GetProperty("mirrored_head").GetInt64() > 0);
        }
        MirrorBench.Run("verify", Mirror).Expect(0);
    }

    [Fact]
    [Trait("Spec", "P-119")]
    [Trait("Spec", "P-121")]
    [Trait("Spec", "V-189")]
    public void Damaged_cells_slots_and_vault_json_are_repaired_from_a_mirror()
    {
        MirrorBench.Run("mirror", Pod, Mirror).Expect(0);
        using (FileStream segment = File.OpenWrite(Path.Combine(Mirror, "v1", "segments", "000000.seg")))
        {
            segment.Position = 3 * 65_536;
            segment.Write("damage"u8);
        }
        MirrorBench.Run("verify", Mirror).Expect(5);
        // A cell that is known there is not looked at, unless that is asked for.
        Assert.Equal(0, MirrorBench.Run("mirror", Pod, Mirror).Expect(0).Json.GetProperty("cells").GetInt64());
        Assert.Equal(1, MirrorBench.Run("mirror", Pod, Mirror, "--check").Expect(0).Json.GetProperty("cells").GetInt64());
        MirrorBench.Run("verify", Mirror).Expect(0);
        using (FileStream segment = File.OpenWrite(Path.Combine(Pod, "v1", "segments", "000000.seg")))
        {
            segment.Position = 5000;
            segment.Write("damage"u8);
        }
        MirrorBench.Run("verify", Pod).Expect(5);
        // A mirror of a damaged pod is not damaged by it: the cell is there. A new one has the rest.
        MirrorBench.Run("mirror", Pod, Mirror).Expect(0);
        Assert.Equal(1, MirrorBench.Run("mirror", Pod, bench.Temp["late"]).Expect(5).Json.GetProperty("absent").GetInt64());
        Assert.Equal(1, MirrorBench.Run("verify", bench.Temp["late"]).Expect(5).Json.GetProperty("missing_count").GetInt64());
        MirrorBench.Run("restore", bench.Temp["late"], bench.Temp["rest"]).Expect(5);
        File.WriteAllBytes(Path.Combine(Pod, "v1", "slots.bin"), new byte[8192]);
        File.Delete(Path.Combine(Pod, "vault.json"));
        MirrorBench.Run("repair", Pod).Expect(3);
        JsonElement repaired = MirrorBench.Run("repair", Pod, "--from", Mirror).Expect(0).Json;
        Assert.True(repaired.GetProperty("slots_anew").GetBoolean());
        Assert.Equal(1, repaired.GetProperty("fetched").GetInt64());
        MirrorBench.Run("verify", Pod).Expect(0);
        bench.Put(10_000);
        MirrorBench.Run("mirror", Pod, Mirror).Expect(0);
    }

    [Fact]
    [Trait("Spec", "P-118")]
    [Trait("Threat", "T-18")]
    public void An_audit_log_that_was_set_back_is_not_taken_over_a_newer_one()
    {
        MirrorBench.Copy(Path.Combine(Pod, "v1", "audit"), bench.Temp["audit"]);
        bench.Put(1000);
        MirrorBench.Run("mirror", Pod, Mirror).Expect(0);
        SortedDictionary<string, string> before = MirrorBench.Look(Path.Combine(Mirror, "v1", "audit"));
        Directory.Delete(Path.Combine(Pod, "v1", "audit"), recursive: true);
        MirrorBench.Copy(bench.Temp["audit"], Path.Combine(Pod, "v1", "audit"));
        // By itself it is whole, and goes on being so.
        bench.Put(1000);
        MirrorBench.Run("audit", "verify", Pod).Expect(0);
        MirrorBench.Run("mirror", Pod, Mirror).Expect(5);
        Assert.Equal(before, MirrorBench.Look(Path.Combine(Mirror, "v1", "audit")));
        MirrorBench.Run("verify", Mirror).Expect(0);
    }

    [Fact]
    [Trait("Spec", "V-189")]
    [Trait("Threat", "T-45")]
    public void Slots_are_not_made_anew_from_a_log_that_is_older_than_what_the_mirror_saw()
    {
        string log = Path.Combine(Pod, "v1", "log");
        byte[] older = File.ReadAllBytes(log);
        bench.Put(100_000);
        MirrorBench.Run("mirror", Pod, Mirror).Expect(0);
        // The attack works where only the log is asked: it is whole, and older.
        File.WriteAllBytes(log, older);
        File.WriteAllBytes(Path.Combine(Pod, "v1", "slots.bin"), [.. Enumerable.Repeat((byte)1, 8192)]);
        MirrorBench.Run("repair", Pod, "--from", Mirror).Expect(0);
        MirrorBench.Run("get", Pod, MirrorBench.Session, bench.Temp["out"], "--pin-file", bench.Temp["pin"]).Expect(0);
        Assert.Equal(bench.Content, File.ReadAllBytes(bench.Temp["out", "disk.raw"]));
        // A pod that went on elsewhere has no place for what the mirror saw.
        MirrorBench.Copy(Pod, bench.Temp["other"]);
        bench.Put(1000, bench.Temp["other"]);
        bench.Put(1000);
        MirrorBench.Run("mirror", Pod, Mirror).Expect(0);
        File.WriteAllBytes(Path.Combine(bench.Temp["other"], "v1", "slots.bin"), [.. Enumerable.Repeat((byte)1, 8192)]);
        MirrorBench.Run("repair", bench.Temp["other"], "--from", Mirror).Expect(5);
    }
}
