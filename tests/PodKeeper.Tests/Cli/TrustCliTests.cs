using System.Text.Json;
using VmPod.Testing;
using Xunit;

namespace VmPod.PodKeeper.Tests.Cli;

/// <summary>Verify, repair, salvage and the keys, as a user types them.</summary>
public sealed class TrustCliTests : IDisposable
{
    private const string Segment = "v1/segments/000000.seg";
    private readonly TempFolder temp = new();

    public TrustCliTests()
    {
        Write("pin", "the old passphrase");
        Write("new", "a new passphrase");
        byte[] data = new byte[3_000_000];
        new Random(1).NextBytes(data);
        File.WriteAllBytes(Path.Combine(temp.Sub("files"), "data.bin"), data);
        Run("init", Pod, "--argon-memory", "8", "--pin-file", temp["pin"]).Expect(0);
        Run("put", Pod, "work", temp["files"], "--pin-file", temp["pin"]).Expect(0);
        Copy(Pod, temp["copy"]);
    }

    private string Pod => temp["pod"];

    public void Dispose()
    {
        Run("lock", Pod);
        temp.Dispose();
    }

    [Fact]
    [Trait("Spec", "V-180")]
    [Trait("Spec", "V-181")]
    [Trait("Spec", "V-182")]
    public void Damage_is_named_by_cell_and_chunk_salvaged_and_repaired_from_a_copy()
    {
        Flip(20 * 65536 + 99);
        JsonElement keyless = Run("verify", Pod, "--json").Expect(5).Json;
        string id = Assert.Single(keyless.GetProperty("damaged").EnumerateArray()).GetProperty("id").GetString()!;
        Assert.True(keyless.GetProperty("damaged")[0].GetProperty("needed").GetBoolean());
        JsonElement deep = Run("verify", Pod, "--deep", "--pin-file", temp["pin"], "--json").Expect(5).Json.GetProperty("deep");
        JsonElement cell = Assert.Single(deep.GetProperty("cells").EnumerateArray());
        Assert.Equal(id, cell.GetProperty("id").GetString());
        JsonElement cost = Assert.Single(cell.GetProperty("costs").EnumerateArray());
        Assert.Equal(("data.bin", 1UL), (cost.GetProperty("file").GetString(), cost.GetProperty("generation").GetUInt64()));
        long[] chunks = [.. deep.GetProperty("damaged").EnumerateArray().Select(d => d.GetProperty("chunk").GetInt64())];
        Assert.Equal(cost.GetProperty("chunks").GetInt64(), chunks.Length);
        Assert.Contains(id, Run("verify", Pod, "--deep", "--pin-file", temp["pin"]).Expect(5).Output, StringComparison.Ordinal);

        Run("get", Pod, "work", temp["no"], "--pin-file", temp["pin"]).Expect(5);
        Assert.False(Directory.Exists(temp["no"]));
        JsonElement salvage = Run("get", Pod, "work", temp["out"], "--salvage", "--pin-file", temp["pin"], "--json").Expect(5).Json.GetProperty("salvage");
        Assert.Equal(chunks, salvage.GetProperty("lost").EnumerateArray().SelectMany(l =>
            Enumerable.Range((int)l.GetProperty("first").GetInt64(), (int)(l.GetProperty("last").GetInt64() - l.GetProperty("first").GetInt64() + 1))
                .Select(i => (long)i)));
        byte[] want = File.ReadAllBytes(Path.Combine(temp["files"], "data.bin")), got = File.ReadAllBytes(Path.Combine(temp["out"], "data.bin"));
        foreach (long chunk in chunks)
            want.AsSpan((int)chunk * 65536, Math.Min(65536, want.Length - (int)chunk * 65536)).Clear();
        Assert.Equal(want, got);

        JsonElement missing = Run("repair", Pod, "--pin-file", temp["pin"], "--json").Expect(5).Json;
        Assert.Equal((1, 0), (missing.GetProperty("left_count").GetInt32(), missing.GetProperty("fetched").GetInt32()));
        Assert.Equal(chunks.Length, missing.GetProperty("lost").GetProperty("damaged_count").GetInt32());
        int before = EventCount("repair");
        Run("repair", Pod, "--from", temp["copy"], "--dry-run").Expect(0);
        Run("verify", Pod).Expect(5);
        Assert.Equal(before, EventCount("repair"));
        JsonElement repaired = Run("repair", Pod, "--from", temp["copy"], "--json").Expect(0).Json;
        Assert.True(repaired.GetProperty("whole").GetBoolean());
        Assert.Equal(before + 2, EventCount("repair"));
        JsonElement after = Run("verify", Pod, "--deep", "--pin-file", temp["pin"], "--json").Expect(0).Json;
        Assert.False(Assert.Single(after.GetProperty("damaged").EnumerateArray()).GetProperty("needed").GetBoolean());
        Run("get", Pod, "work", temp["whole"], "--pin-file", temp["pin"]).Expect(0);
        Assert.Equal(File.ReadAllBytes(Path.Combine(temp["files"], "data.bin")), File.ReadAllBytes(Path.Combine(temp["whole"], "data.bin")));
        Run("repair", Pod, "--from", temp["files"]).Expect(3);
        Run("audit", "verify", Pod).Expect(0);
    }

    [Fact]
    [Trait("Spec", "V-183")]
    public void A_pod_whose_newest_head_is_damaged_is_repaired_and_written_again()
    {
        string log = Path.Combine(Pod, "v1/log");
        byte[] good = File.ReadAllBytes(log);
        File.WriteAllBytes(log, good[..^50]);
        Run("put", Pod, "work", temp["files"], "--pin-file", temp["pin"]).Expect(5);
        Assert.Equal(1, Run("repair", Pod, "--from", temp["copy"], "--json").Expect(0).Json.GetProperty("log_pieces").GetInt32());
        Run("put", Pod, "work", temp["files"], "--pin-file", temp["pin"]).Expect(0);
        Run("verify", Pod, "--deep", "--pin-file", temp["pin"]).Expect(0);
    }

    [Fact]
    [Trait("Spec", "V-184")]
    [Trait("Spec", "V-185")]
    public void The_passphrase_changes_and_a_key_file_stands_beside_it()
    {
        Run("passphrase", Pod, "--pin-file", temp["new"], "--new-pin-file", temp["new"], "--argon-memory", "8").Expect(4);
        Run("passphrase", Pod, "--pin-file", temp["pin"], "--new-pin-file", temp["new"], "--argon-memory", "8").Expect(0);
        Run("get", Pod, "work", temp["a"], "--pin-file", temp["pin"]).Expect(4);
        Run("get", Pod, "work", temp["a"], "--pin-file", temp["new"]).Expect(0);

        Write("short", "1234");
        Run("passphrase", Pod, "--pin-file", temp["new"], "--new-pin-file", temp["short"], "--argon-memory", "8").Expect(4);
        Assert.True(Run("passphrase", Pod, "--pin-file", temp["new"], "--new-pin-file", temp["short"], "--new-key-file", temp["key"], "--argon-memory", "8",
            "--json").Expect(0).Json.GetProperty("key_file").GetBoolean());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(temp["key"]));
        PodKeeperProgram.Result refused = Run("get", Pod, "work", temp["b"], "--pin-file", temp["short"]).Expect(4);
        Assert.Contains("--key-file", refused.Errors, StringComparison.Ordinal);
        Write("other", new string('0', 64));
        Run("unlock", Pod, "--pin-file", temp["short"], "--key-file", temp["other"]).Expect(4);
        Run("unlock", Pod, "--pin-file", temp["short"], "--key-file", temp["pin"]).Expect(4);
        Run("unlock", Pod, "--pin-file", temp["short"], "--key-file", temp["key"]).Expect(0);
        Run("get", Pod, "work", temp["b"]).Expect(0);
        Run("passphrase", Pod, "--pin-file", temp["short"], "--key-file", temp["key"], "--new-pin-file", temp["new"], "--no-key-file", "--argon-memory", "8")
            .Expect(0);
        Run("get", Pod, "work", temp["c"], "--pin-file", temp["new"]).Expect(0);
        Assert.Equal(6, EventCount("passphrase-change"));
    }

    [Fact]
    [Trait("Spec", "V-186")]
    public void Rotating_writes_no_cell_and_sessions_read_as_before()
    {
        long cells = Run("status", Pod, "--json").Expect(0).Json.GetProperty("cells").GetInt64();
        JsonElement rotated = Run("rotate", Pod, "--pin-file", temp["pin"], "--json").Expect(0).Json;
        Assert.Equal(("work", 1), (rotated.GetProperty("sessions")[0].GetProperty("name").GetString(),
            rotated.GetProperty("sessions")[0].GetProperty("epoch").GetInt32()));
        Assert.Equal(cells, Run("status", Pod, "--json").Expect(0).Json.GetProperty("cells").GetInt64());
        Assert.Equal(2, EventCount("epoch-change"));
        Run("put", Pod, "work", temp["files"], "--pin-file", temp["pin"]).Expect(0);
        Run("rotate", Pod, "work", "--pin-file", temp["pin"]).Expect(0);
        Run("rotate", Pod, "none", "--pin-file", temp["pin"]).Expect(3);
        Run("verify", Pod, "--deep", "--pin-file", temp["pin"]).Expect(0);
        Run("get", Pod, "work@1", temp["old"], "--pin-file", temp["pin"]).Expect(0);
    }

    [Fact]
    [Trait("Spec", "V-187")]
    public void Shredding_says_what_survives_wants_the_vaults_number_and_leaves_nothing_that_opens()
    {
        Run("words", Pod, "--words-file", temp["words"], "--pin-file", temp["pin"]).Expect(0);
        Run("unlock", Pod, "--pin-file", temp["pin"]).Expect(0);
        JsonElement dry = Run("shred", Pod, "--dry-run", "--json").Expect(0).Json;
        Assert.Equal((false, true, false), (dry.GetProperty("shredded").GetBoolean(), dry.GetProperty("recovery_words").GetBoolean(),
            dry.GetProperty("tpm").GetBoolean()));
        string vault = dry.GetProperty("vault").GetString()!;
        Run("shred", Pod).Expect(4);
        Run("shred", Pod, "--confirm", "00000000").Expect(4);
        Run("get", Pod, "work", temp["before"]).Expect(0);
        Assert.True(Run("shred", Pod, "--confirm", vault[..8], "--json").Expect(0).Json.GetProperty("shredded").GetBoolean());
        Run("get", Pod, "work", temp["after"], "--pin-file", temp["pin"]).Expect(4);
        PodKeeperProgram.RunAs(["setsid", "--wait"], "get", Pod, "work", temp["after"]).Expect(4);
        Run("verify", Pod).Expect(0);
        // What it said is so: the words open it again, and a copy from before opens with the old passphrase.
        Run("recover", Pod, "--words-file", temp["words"], "--pin-file", temp["new"], "--argon-memory", "8").Expect(0);
        Run("get", Pod, "work", temp["words-get"], "--pin-file", temp["new"]).Expect(0);
        Run("get", temp["copy"], "work", temp["copy-get"], "--pin-file", temp["pin"]).Expect(0);
        Assert.Equal(2, EventCount("shred"));
    }

    [Fact]
    [Trait("Spec", "V-188")]
    public void A_witness_file_tells_an_older_pod_and_one_that_went_another_way()
    {
        string witness = temp["witness"];
        Assert.Equal(JsonValueKind.Null, Witnessed(0).ValueKind);
        Assert.Equal("same", Witnessed(0).GetString());
        Run("put", Pod, "work", temp["files"], "--pin-file", temp["pin"]).Expect(0);
        Assert.Equal("newer", Witnessed(0).GetString());
        byte[] seen = File.ReadAllBytes(witness);
        Directory.Move(Pod, temp["newest"]);
        Copy(temp["copy"], Pod);
        Run("verify", Pod).Expect(0);
        Assert.Equal("older", Witnessed(5).GetString());
        for (int i = 0; i < 3; i++)
            Run("put", Pod, "work", temp["files"], "--pin-file", temp["pin"]).Expect(0);
        Assert.Equal("forked", Witnessed(5).GetString());
        Assert.Equal(seen, File.ReadAllBytes(witness));
        Assert.Equal((1, 1), (EventCount("rollback-alarm"), EventCount("fork-alarm")));
        Run("verify", Pod, "--witness", temp["pin"]).Expect(4);

        JsonElement Witnessed(int code) => Run("verify", Pod, "--witness", witness, "--json").Expect(code).Json.GetProperty("witness");
    }

    private int EventCount(string name) => Run("audit", "show", Pod, "--event", name, "--json").Expect(0).Json.GetProperty("entries").GetArrayLength();

    private void Flip(long at)
    {
        using FileStream file = File.Open(Path.Combine(Pod, Segment), FileMode.Open, FileAccess.ReadWrite);
        file.Position = at;
        int value = file.ReadByte();
        file.Position = at;
        file.WriteByte((byte)(value ^ 1));
    }

    private static PodKeeperProgram.Result Run(params string[] arguments) => PodKeeperProgram.Run(arguments);

    private static void Copy(string from, string to)
    {
        foreach (string folder in Directory.GetDirectories(from, "*", SearchOption.AllDirectories).Prepend(from))
            Directory.CreateDirectory(Path.Combine(to, Path.GetRelativePath(from, folder)));
        foreach (string file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
            File.Copy(file, Path.Combine(to, Path.GetRelativePath(from, file)));
    }

    private void Write(string name, string text)
    {
        File.WriteAllText(temp[name], text + "\n");
        File.SetUnixFileMode(temp[name], UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }
}
