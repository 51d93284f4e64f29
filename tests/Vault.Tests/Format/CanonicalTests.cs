using CsCheck;
using VmPod.Vault.Format;
using Xunit;

namespace VmPod.Vault.Tests.Format;

/// <summary>One meaning has one encoding: what parses writes back to the same bytes, and random bytes are refused without harm.</summary>
public sealed class CanonicalTests
{
    private const int Samples = 3000;

    private static readonly Gen<CellId> Ids = Gen.Byte.Array[32].Select(b => CellId.ReadFrom(b));

    private static readonly Gen<PayloadRef> Places = Gen.Select(Gen.ULong[1, 3], Gen.ULong[0, 300], Ids, Gen.UInt[0, 2000], Ids.Array[0, 5],
        (lease, commit, cell, slot, rest) => new PayloadRef(lease, commit, cell, slot, rest.Length == 0 ? null : rest));

    private static readonly Gen<PageTable> Tables = Gen.Select(Gen.Select(Gen.Int[1, 3], Gen.Int[0, 4], Gen.UInt[0, 200], Places).Array[1, 5],
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 4], Gen.Int[0, 15]).Array[PageTable.PagesMax], Gen.Int[0, 5], TableOf);

    private static readonly Gen<ChunkKey> Keys = Gen.Select(
        Gen.OneOf(Gen.UInt[0, 3], Gen.UInt[InternalStream.First, MetadataStream.First - 1]),
        Gen.ULong[0, 1 << 28], (stream, chunk) => new ChunkKey(stream, chunk));

    [Fact]
    [Trait("Spec", "V-24")]
    public void A_map_leaf_reads_back_as_written_and_a_mutation_of_it_is_refused_or_canonical()
    {
        // Runs of payloads in the same cells are what the short forms are for.
        Gen.Select(Gen.Dictionary(Keys, Places)[0, 40], Gen.Bool.Array[40], (entries, near) =>
        {
            var sorted = entries.OrderBy(e => e.Key).ToList();
            for (int i = 1; i < sorted.Count; i++)
            {
                PayloadRef before = sorted[i - 1].Value;
                if (near[i] && !before.IsZero)
                    sorted[i] = new(sorted[i].Key, before with { Cell = i % 2 == 0 ? before.Cell : before.LastCell, Slot = before.Slot + 1, Rest = null });
                else if (i % 5 == 0)
                    sorted[i] = new(sorted[i].Key, PayloadRef.Zero);
            }
            return sorted;
        }).Select(Gen.Int, (sorted, seed) => (sorted, seed)).Sample((sorted, seed) =>
        {
            byte[] bytes = Write<PayloadRef, MapValue>(sorted);
            var again = new List<KeyValuePair<ChunkKey, PayloadRef>>();
            Assert.True(TableLeaf<PayloadRef, MapValue>.TryRead(bytes, again));
            Assert.Equal(bytes, Write<PayloadRef, MapValue>(again));
            Assert.Equal(sorted.Select(e => (e.Key, e.Value.Cell, e.Value.LastCell, e.Value.Slot)), again.Select(e => (e.Key, e.Value.Cell,
                e.Value.LastCell, e.Value.Slot)));
            Mutate(bytes, seed, LeafIsCanonical<PayloadRef, MapValue>);
        }, iter: Samples);
    }

    [Fact]
    [Trait("Spec", "V-141")]
    [Trait("Spec", "V-142")]
    public void A_map_leaf_with_tables_of_pages_reads_back_as_written_and_a_mutation_of_it_is_refused_or_canonical() =>
        Gen.Select(Gen.Dictionary(Keys, Gen.Select(Places, Tables))[1, 12], Gen.Int).Sample((entries, seed) =>
        {
            var sorted = entries.OrderBy(e => e.Key).Select((e, i) => new KeyValuePair<ChunkKey, PayloadRef>(e.Key, i % 4 == 3 ? e.Value.Item1
                : e.Value.Item2.HasOwn ? e.Value.Item1 with { Pages = e.Value.Item2 }
                : new PayloadRef(e.Value.Item1.LeaseId, e.Value.Item1.Commit, default, 0, null, e.Value.Item2))).ToList();
            byte[] bytes = Write<PayloadRef, MapValue>(sorted);
            var again = new List<KeyValuePair<ChunkKey, PayloadRef>>();
            Assert.True(TableLeaf<PayloadRef, MapValue>.TryRead(bytes, again));
            Assert.Equal(bytes, Write<PayloadRef, MapValue>(again));
            Assert.All(sorted.Zip(again), pair => Assert.True(pair.First.Key == pair.Second.Key && pair.First.Value.IsSamePlace(pair.Second.Value)));
            Mutate(bytes, seed, LeafIsCanonical<PayloadRef, MapValue>);
        }, iter: Samples);

    [Fact]
    [Trait("Spec", "V-26")]
    public void A_tag_leaf_reads_back_as_written_and_a_mutation_of_it_is_refused_or_canonical() =>
        Gen.Select(Gen.Dictionary(Keys, Gen.Select(Gen.ULong, Gen.ULong, (lease, tag) => new ChangeTag(lease, tag)))[0, 40], Gen.Int).Sample((entries,
            seed) =>
        {
            byte[] bytes = Write<ChangeTag, TagValue>([.. entries.OrderBy(e => e.Key)]);
            var again = new List<KeyValuePair<ChunkKey, ChangeTag>>();
            Assert.True(TableLeaf<ChangeTag, TagValue>.TryRead(bytes, again));
            Assert.Equal(entries.OrderBy(e => e.Key), again);
            Mutate(bytes, seed, LeafIsCanonical<ChangeTag, TagValue>);
        }, iter: Samples);

    [Fact]
    [Trait("Spec", "V-12")]
    public void A_plaintext_reads_back_as_written_and_a_mutation_of_it_is_refused_or_canonical() =>
        Gen.Select(Gen.Byte.Array[1, 60].Array[1, 12], Gen.ULong, Gen.Bool, Gen.Bool, Gen.Int).Sample((payloads, number, isPart, goesOn, seed) =>
        {
            byte[] bytes = new byte[1400];
            var entries = new PayloadEntry[payloads.Length];
            int offset = 0;
            for (int i = 0; i < entries.Length; i++)
            {
                entries[i] = new PayloadEntry((uint)i, number, i % 2 == 0 ? Codec.Raw : Codec.Zstd, isPart && i == 0 ? 1 : 0, goesOn
                    && i == entries.Length - 1, 65_536, offset,
                    payloads[i].Length);
                offset += payloads[i].Length;
            }
            var context = new CellContext(new SessionHandle(number), number, number, number);
            CellContent.Write(bytes, context, entries, payloads.SelectMany(p => p).ToArray());
            Assert.True(CellContent.TryParse(bytes, out CellContent content) && content.Context == context && content.Count == entries.Length);
            for (int i = 0; i < entries.Length; i++)
            {
                Assert.Equal(entries[i], content.Entry(i));
                Assert.Equal(payloads[i], content.Bytes(entries[i]).ToArray());
            }
            Mutate(bytes, seed, ContentIsCanonical);
        }, iter: Samples);

    [Fact]
    [Trait("Spec", "V-28")]
    public void A_manifest_reads_back_as_written_and_a_mutation_of_it_is_refused_or_canonical() =>
        Gen.Select(Gen.String[Gen.Char.AlphaNumeric, 1, 20].HashSet[0, 6], Runs(), Runs(), Gen.Long, Gen.Int).Sample((names, map, tags, time, seed) =>
        {
            uint number = 0;
            var manifest = new Manifest
            {
                Number = 7,
                Kind = GenerationKind.DiskOnly,
                Label = "label",
                NextStream = 100,
                Streams = [.. names.Select(n => new StreamInfo(number += 3, StreamKind.File, n, Math.Abs(time % FormatLimits.StreamBytesMax), 0x1A4, time))],
                Map = map,
                Tags = tags,
            };
            byte[] bytes = manifest.ToBytes();
            Assert.True(Manifest.TryRead(bytes, out Manifest? again));
            Assert.Equal(manifest.Streams, again!.Streams);
            Assert.Equal(bytes, again.ToBytes());
            Mutate(bytes, seed, ManifestIsCanonical);
        }, iter: Samples);

    [Fact]
    [Trait("Spec", "V-32")]
    public void A_commit_record_reads_back_as_written_and_a_mutation_of_it_is_refused_or_canonical() =>
        Gen.Select(Ids.Array[1, 5], Gen.ULong, Gen.UInt[0, 1 << 22], Gen.Int).Sample((cells, number, count, seed) =>
        {
            var record = new CommitRecord
            {
                VaultId = number,
                Session = new SessionHandle(number),
                LeaseId = number,
                Term = number,
                Number = number,
                Kind = GenerationKind.Draft,
                Generation = number,
                TimeMs = number,
                Parent = cells[0].Value,
                ParentOffset = number,
                SessionOffset = number,
                LeaseOffset = number,
                ManifestCells = cells,
                ManifestSlot = count,
                ManifestBytes = count + 1,
                AddedCount = count,
                AddedHash = cells[0].Value,
                DroppedCount = count,
                DroppedHash = cells[0].Value,
                LiveCount = number,
                LiveRoot = cells[0].Value,
            };
            byte[] bytes = record.ToSignedBytes();
            Assert.True(CommitIsCanonical(bytes));
            Mutate(bytes, seed, CommitIsCanonical);
        }, iter: Samples);

    [Fact]
    [Trait("Spec", "V-12")]
    public void Random_bytes_are_refused_and_allocate_little()
    {
        Gen.Byte.Array[0, 300].Sample(bytes =>
        {
            // Half of them begin as a real one does, so that the reader comes further.
            foreach (byte[] input in new[] { bytes, [.. "VPM1"u8, .. bytes], [.. "VPC1"u8, .. bytes], [1, 0, 0, 0, .. bytes] })
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                _ = Manifest.TryRead(input, out _);
                _ = CommitRecord.TryRead(input, out _, out _);
                _ = CellContent.TryParse(input, out _);
                _ = TableLeaf<PayloadRef, MapValue>.TryRead(input, []);
                _ = TableLeaf<ChangeTag, TagValue>.TryRead(input, []);
                var reader = new ByteReader(input);
                _ = RunDescriptor.Read(ref reader);
                long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
                Assert.True(allocated < 256 * 1024, $"{allocated} bytes for {input.Length}");
            }
        }, iter: 10 * Samples, threads: 1);
    }

    private static Gen<List<RunDescriptor>> Runs() => Gen.Select(Gen.Byte.Array[1, 20], Places, Gen.Int[0, 2], Gen.ULong[1, 1UL << 40]).Select((bytes,
        place, kind, size) => kind switch
    {
        0 => new RunDescriptor(size, size, bytes, [], []),
        1 => new RunDescriptor(size, size, default, [new LeafRef(new ChunkKey(1, 2), place), new LeafRef(new ChunkKey(1, 3), place with { Slot = 9 })], []),
        _ => new RunDescriptor(size, size, default, [], [place, place with { Slot = 11 }]),
    }).List[0, 4];

    private static byte[] Write<TValue, TFormat>(List<KeyValuePair<ChunkKey, TValue>> entries)
        where TFormat : ITableValue<TValue>
    {
        var writer = new ByteWriter();
        Assert.Equal(entries.Count, TableLeaf<TValue, TFormat>.Write(writer, entries, 0, 1 << 20));
        return writer.Written.ToArray();
    }

    private static void Mutate(byte[] bytes, int seed, Func<byte[], bool> isCanonicalOrRefused)
    {
        var random = new Random(seed);
        for (int i = 0; i < 20 && bytes.Length > 0; i++)
        {
            byte[] changed = [.. bytes];
            int at = random.Next(changed.Length);
            changed = random.Next(4) switch
            {
                0 => [.. changed[..at], .. changed[(at + 1)..]],
                1 => [.. changed[..at], (byte)random.Next(256), .. changed[at..]],
                _ => Flip(changed, at, (byte)(1 << random.Next(8))),
            };
            Assert.True(isCanonicalOrRefused(changed), Convert.ToHexString(changed));
        }
    }

    private static byte[] Flip(byte[] bytes, int at, byte mask)
    {
        bytes[at] ^= mask;
        return bytes;
    }

    private static bool LeafIsCanonical<TValue, TFormat>(byte[] bytes)
        where TFormat : ITableValue<TValue>
    {
        var entries = new List<KeyValuePair<ChunkKey, TValue>>();
        return !TableLeaf<TValue, TFormat>.TryRead(bytes, entries) || Write<TValue, TFormat>(entries).AsSpan().SequenceEqual(bytes);
    }

    private static bool ContentIsCanonical(byte[] bytes)
    {
        if (!CellContent.TryParse(bytes, out CellContent content))
            return true;
        var entries = new PayloadEntry[content.Count];
        for (int i = 0; i < entries.Length; i++)
            entries[i] = content.Entry(i);
        byte[] again = new byte[bytes.Length];
        CellContent.Write(again, content.Context, entries, bytes.AsSpan(CellLayout.ContentHeaderBytes + entries.Length * CellLayout.EntryBytes,
            entries.Sum(e => e.Length)));
        return again.AsSpan().SequenceEqual(bytes);
    }

    private static bool ManifestIsCanonical(byte[] bytes) => !Manifest.TryRead(bytes, out Manifest? manifest)
        || manifest!.ToBytes().AsSpan().SequenceEqual(bytes);

    private static bool CommitIsCanonical(byte[] bytes) =>
        !CommitRecord.TryRead(bytes, out CommitRecord? record, out int length) || record!.ToSignedBytes().AsSpan().SequenceEqual(bytes.AsSpan(0, length));

    // As a writer makes one: targets in the order in which pages name them, differences from one of them.
    private static PageTable TableOf((int Stream, int Chunk, uint Slot, PayloadRef Place)[] wanted, (int Kind, int Target, int Page)[] pages, int shape)
    {
        PageTarget[] all = [.. wanted.Select(w => new PageTarget(new ChunkKey((uint)w.Stream, (ulong)w.Chunk), w.Place with { Slot = w.Slot }))
            .DistinctBy(t => (t.Key, t.Place.LeaseId, t.Place.Commit))];
        if (shape == 0)
            return PageTable.Delta([all[0]]);
        uint kinds = 0;
        var targets = new List<PageTarget>();
        var references = new List<byte>();
        int basis = -1;
        for (int page = 0; page < pages.Length; page++)
        {
            int kind = shape == 1 && pages[page].Kind is 1 or 3 ? 2 : pages[page].Kind, target = pages[page].Target % all.Length;
            if (page == 0)
                kind = 2;
            if (kind == 3)
                target = basis = basis < 0 ? target : basis;
            kinds |= (uint)kind << 2 * page;
            if (kind < 2)
                continue;
            if (!targets.Contains(all[target]))
                targets.Add(all[target]);
            references.Add((byte)(targets.IndexOf(all[target]) << 4 | pages[page].Page));
        }
        return new PageTable(kinds, targets, [.. references]);
    }
}
