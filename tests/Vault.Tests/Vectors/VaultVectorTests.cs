using System.Buffers.Binary;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Codecs;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;
using VmPod.Vault.Tests.Attacks;
using VmPod.Vault.Words;
using Xunit;

namespace VmPod.Vault.Tests.Vectors;

/// <summary>Known answers of tests/Vectors/vault/v1, which a script that shares no code with VmPod wrote from SPEC.md.</summary>
public sealed class VaultVectorTests
{
    // Updated with the folder: a file that is lost or not read must not pass unseen.
    private const int Positive = 56, Negative = 240;

    [Fact]
    [Trait("Spec", "V-02")]
    [Trait("Spec", "V-03")]
    [Trait("Spec", "V-04")]
    [Trait("Spec", "V-05")]
    [Trait("Spec", "V-06")]
    [Trait("Spec", "V-07")]
    [Trait("Spec", "V-09")]
    [Trait("Spec", "V-10")]
    [Trait("Spec", "V-11")]
    [Trait("Spec", "V-12")]
    [Trait("Spec", "V-22")]
    [Trait("Spec", "V-23")]
    [Trait("Spec", "V-24")]
    [Trait("Spec", "V-26")]
    [Trait("Spec", "V-27")]
    [Trait("Spec", "V-28")]
    [Trait("Spec", "V-29")]
    [Trait("Spec", "V-32")]
    [Trait("Spec", "V-110")]
    [Trait("Spec", "V-111")]
    [Trait("Spec", "V-113")]
    [Trait("Spec", "V-115")]
    [Trait("Spec", "V-141")]
    [Trait("Spec", "V-142")]
    [Trait("Spec", "V-143")]
    [Trait("Spec", "V-144")]
    [Trait("Spec", "V-145")]
    [Trait("Spec", "V-146")]
    [Trait("Spec", "V-147")]
    public void Every_vector_passes_or_is_refused_as_it_says()
    {
        IReadOnlyList<VectorFile> vectors = VectorFile.All("vault/v1");
        Assert.Equal((Positive, Negative), (vectors.Count(v => v.MustPass), vectors.Count(v => !v.MustPass)));
        Assert.All(vectors, vector => Assert.True(Passes(vector) == vector.MustPass, vector.File));
    }

    private static bool Passes(VectorFile v) => v.Layer switch
    {
        "cell" => CellPasses(v),
        "content" => ContentPasses(v.Bytes("bytes")),
        "map-leaf" => LeafPasses<PayloadRef, MapValue>(v.Bytes("bytes")),
        "tag-leaf" => LeafPasses<ChangeTag, TagValue>(v.Bytes("bytes")),
        "payload" => PayloadPasses(v),
        "chunk" => ChunkPasses(v),
        "group" => GroupPasses(v),
        "manifest" => Manifest.TryRead(v.Bytes("bytes"), out Manifest? manifest) && manifest!.ToBytes().AsSpan().SequenceEqual(v.Bytes("bytes")),
        "commit" => CommitRecord.TryRead(v.Bytes("bytes"), out CommitRecord? record, out int length) && length == v.Bytes("bytes").Length
            && record!.ToSignedBytes().AsSpan().SequenceEqual(v.Bytes("bytes")),
        "lease-keys" => LeaseKeysPass(v),
        "change-tag" => ChangeTagPasses(v),
        "slot" => SlotPasses(v),
        "words" => WordsPass(v),
        "recovery" => RecoveryPasses(v),
        "vault-key" => LinkPasses(v),
        string other => throw new InvalidDataException($"{v.File} has layer {other}"),
    };

    private static bool CellPasses(VectorFile v)
    {
        using LeaseKeys keys = KeysOf(v);
        byte[] plaintext = v.Bytes("plaintext"), work = [.. new byte[CellLayout.HeaderBytes], .. plaintext],
            cell = new byte[plaintext.Length + CellLayout.OverheadBytes];
        CellCipher.Seal(keys, work, cell);
        if (v.Has("patch"))
        {
            (int offset, byte[] bytes) = v.Patch("patch");
            Assert.False(bytes.AsSpan().SequenceEqual(cell.AsSpan(offset, bytes.Length)), "the patch changes nothing");
            bytes.CopyTo(cell, offset);
        }
        else
        {
            Assert.Equal(v.Bytes("mac"), cell[16..48]);
            Assert.Equal(v.Bytes("tag"), cell[^16..]);
            byte[] id = new byte[32];
            CellId.Of(cell).WriteTo(id);
            Assert.Equal(v.Bytes("id"), id);
        }
        byte[] opened = new byte[work.Length];
        return CellCipher.TryOpen(keys, cell, opened) && CellCipher.MacIsRight(keys, cell, opened)
            && opened.AsSpan(CellLayout.HeaderBytes).SequenceEqual(plaintext);
    }

    private static bool ContentPasses(byte[] bytes)
    {
        if (!CellContent.TryParse(bytes, out CellContent content))
            return false;
        var entries = new PayloadEntry[content.Count];
        for (int i = 0; i < entries.Length; i++)
            entries[i] = content.Entry(i);
        byte[] again = new byte[bytes.Length];
        int body = CellLayout.ContentHeaderBytes + entries.Length * CellLayout.EntryBytes;
        CellContent.Write(again, content.Context, entries, bytes.AsSpan(body, entries.Sum(e => e.Length)));
        Assert.Equal(bytes, again);
        return true;
    }

    private static bool LeafPasses<TValue, TFormat>(byte[] bytes)
        where TFormat : ITableValue<TValue>
    {
        var entries = new List<KeyValuePair<ChunkKey, TValue>>();
        if (!TableLeaf<TValue, TFormat>.TryRead(bytes, entries))
            return false;
        var writer = new ByteWriter();
        Assert.Equal(entries.Count, TableLeaf<TValue, TFormat>.Write(writer, entries, 0, int.MaxValue / 2));
        Assert.Equal(bytes, writer.Written.ToArray());
        return true;
    }

    // Payloads of pages (codecs 3 and 4) say which pages they hold; those of codec 5 are a chunk.
    private static bool PayloadPasses(VectorFile v)
    {
        using var decoder = new ChunkDecoder();
        var codec = (Codec)v.Bytes("codec")[0];
        byte[] bytes = v.Bytes("bytes"), prefix = v.Bytes("prefix"), plain = v.Bytes("plain");
        if (codec == Codec.Delta)
        {
            byte[] chunk = new byte[v.Number("length")];
            return bytes.Length < chunk.Length && decoder.TryInflate(bytes, prefix, chunk) && chunk.AsSpan().SequenceEqual(plain);
        }
        if (!PagePayload.TryRead(codec, bytes, out PagePayload pages)
            || pages.Pages != BinaryPrimitives.ReadUInt16BigEndian(v.Bytes("pages"))
            || pages.Different != BinaryPrimitives.ReadUInt16BigEndian(v.Bytes("differences")))
            return false;
        byte[] joined = new byte[pages.PlainLength];
        return pages.TryDecode(decoder, prefix, joined) && joined.AsSpan().SequenceEqual(plain);
    }

    private static bool GroupPasses(VectorFile v)
    {
        using var decoder = new ChunkDecoder();
        int length = v.Number("length");
        if (!GroupPayload.TryRead(v.Bytes("bytes"), length, out GroupPayload group)
            || !group.TryFind(unchecked((ulong)(v.Number("chunk") - v.Number("first"))), out ushort pages, out int offset)
            || pages != BinaryPrimitives.ReadUInt16BigEndian(v.Bytes("pages")))
            return false;
        byte[] joined = new byte[length];
        return decoder.TryInflate(group.Frame, default, joined) && joined.AsSpan(offset, v.Bytes("plain").Length).SequenceEqual(v.Bytes("plain"));
    }

    // The payloads are sealed anew, each in a cell of its own: the places of the vector's leaf stand for these.
    private static bool ChunkPasses(VectorFile v)
    {
        using var bench = new CellBench(CellSuite.HmacAes);
        var entries = new List<KeyValuePair<ChunkKey, PayloadRef>>();
        Assert.True(TableLeaf<PayloadRef, MapValue>.TryRead(v.Bytes("bytes"), entries));
        (ChunkKey key, PayloadRef value) = Assert.Single(entries);
        PayloadRef place = value.HasPayload ? SealedIn(bench, key, v.Bytes("own")) : value;
        if (value.Pages is { } pages)
        {
            PageTarget[] targets = [.. pages.Targets.Select((t, i) => t with { Place = SealedIn(bench, t.Key, v.Bytes($"target-{i}")) })];
            place = place with { Pages = new PageTable(pages.Kinds, targets, pages.References.ToArray()) };
        }
        byte[] chunk = new byte[v.Number("length")];
        try
        {
            bench.Reader.Read(key, place, chunk);
            return chunk.AsSpan().SequenceEqual(v.Bytes("plain"));
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged)
        {
            return false;
        }
    }

    // codec u8, rawLength u24, bytes
    private static PayloadRef SealedIn(CellBench bench, ChunkKey key, byte[] payload)
    {
        int rawLength = payload[1] << 16 | payload[2] << 8 | payload[3];
        return bench.PlaceOf(bench.Seal(CellBench.Plaintext(bench.Context, (key.Stream, key.Chunk, (Codec)payload[0], rawLength, payload[4..]))));
    }

    private static bool LeaseKeysPass(VectorFile v)
    {
        using LeaseKeys keys = KeysOf(v);
        return keys.Mac.SequenceEqual(v.Bytes("mac")) && keys.Record.SequenceEqual(v.Bytes("record")) && keys.Tag.SequenceEqual(v.Bytes("tag"))
            && keys.TagHash.SequenceEqual(v.Bytes("hash")) && keys.LeaseId == BinaryPrimitives.ReadUInt64BigEndian(v.Bytes("id"));
    }

    private static bool ChangeTagPasses(VectorFile v)
    {
        using LeaseKeys keys = KeysOf(v);
        return keys.ChangeTagOf(v.Bytes("bytes")) == BinaryPrimitives.ReadUInt128BigEndian(v.Bytes("tag"));
    }

    private static bool SlotPasses(VectorFile v)
    {
        using SecretBuffer device = Secret(v.Bytes("device"));
        try
        {
            using SecretBuffer? root = PassphraseSlot.TryOpen(v.Bytes("bytes"), v.Bytes("passphrase"), device, VaultIdOf(v));
            return root is not null && root.ReadOnlyBytes.SequenceEqual(v.Bytes("root"));
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged)
        {
            return false;
        }
    }

    private static bool WordsPass(VectorFile v)
    {
        try
        {
            using RecoveryWords words = RecoveryWords.Parse(v.Bytes("text"));
            using SecretBuffer text = words.ToText();
            using RecoveryWords again = RecoveryWords.Parse(text.ReadOnlyBytes);
            Assert.True(again.Entropy.FixedTimeEquals(words.Entropy));
            return words.Entropy.ReadOnlyBytes.SequenceEqual(v.Bytes("entropy"));
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Refused)
        {
            return false;
        }
    }

    private static bool RecoveryPasses(VectorFile v)
    {
        if (RecoverySlot.TryRead(v.Bytes("bytes")) is not { } slot)
            return false;
        Assert.Equal(v.Bytes("bytes"), slot.ToBytes());
        using RecoveryWords words = RecoveryWords.Parse(v.Bytes("text"));
        if (!slot.IsSigned(v.Bytes("owner"), VaultIdOf(v)) || slot.TryOpen(words, VaultIdOf(v)) is not (var vaultKey, var logSeed))
            return false;
        using (vaultKey)
        using (logSeed)
            return vaultKey.ReadOnlyBytes.SequenceEqual(v.Bytes("vaultKey")) && logSeed.ReadOnlyBytes.SequenceEqual(v.Bytes("logSeed"));
    }

    private static bool LinkPasses(VectorFile v)
    {
        using SecretBuffer root = Secret(v.Bytes("root")), shred = Secret(v.Bytes("shred"));
        using SecretBuffer? key = VaultKeyLink.TryOpen(v.Bytes("bytes"), root, shred, VaultIdOf(v));
        return key is not null && key.ReadOnlyBytes.SequenceEqual(v.Bytes("vaultKey"));
    }

    private static LeaseKeys KeysOf(VectorFile v)
    {
        using SecretBuffer key = Secret(v.Bytes("leaseKey"));
        return LeaseKeys.Derive(key, VaultIdOf(v), v.Has("suite") ? v.Bytes("suite")[0] : CellSuite.HmacAes);
    }

    private static UInt128 VaultIdOf(VectorFile v) => BinaryPrimitives.ReadUInt128BigEndian(v.Bytes("vaultId"));

    private static SecretBuffer Secret(byte[] bytes) => SecretBuffer.Create(bytes.Length, bytes, static (into, from) => from.CopyTo(into));
}
