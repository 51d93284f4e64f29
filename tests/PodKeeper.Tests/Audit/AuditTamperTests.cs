using System.Text;
using VmPod.Audit;
using VmPod.Foundation;
using Xunit;

namespace VmPod.PodKeeper.Tests.Audit;

/// <summary>What a thief with the pod's storage, but not its log key, does to the past.</summary>
[Trait("Threat", "T-18")]
public sealed class AuditTamperTests
{
    [Fact]
    [Trait("Spec", "P-23")]
    public void Every_flipped_bit_of_every_byte_of_the_entries_is_found_and_named()
    {
        using var test = new TestLog().With(4);
        byte[] good = test.Entries;
        int[] entryOf = [.. test.Records.SelectMany((record, i) => Enumerable.Repeat(i, record.Length))];
        int exact = 0;
        for (int at = 0; at < good.Length; at++)
        {
            for (int bit = 0; bit < 8; bit++)
            {
                byte[] changed = [.. good];
                changed[at] ^= (byte)(1 << bit);
                test.Entries = changed;
                AuditBreak found = test.Break();
                // A changed link in the last entry looks like a change of the one before: nothing follows that could tell.
                Assert.InRange(found.Entry!.Value, Math.Max(0, entryOf[at] - 1), entryOf[at]);
                if (found.Entry == entryOf[at])
                    exact++;
            }
        }
        Assert.InRange(exact / (8.0 * good.Length), 0.9, 1.0);
        test.Entries = good;
        Assert.True(test.Reader.Verify().IsIntact);
    }

    [Fact]
    [Trait("Spec", "P-13")]
    public void Every_flipped_bit_of_every_byte_of_the_checkpoint_is_found()
    {
        using var test = new TestLog().With(3);
        byte[] good = test.Checkpoint;
        for (int at = 0; at < good.Length; at++)
        {
            for (int bit = 0; bit < 8; bit++)
            {
                byte[] changed = [.. good];
                changed[at] ^= (byte)(1 << bit);
                test.Checkpoint = changed;
                Assert.Null(test.Break().Entry);
            }
        }
        for (int length = 0; length < good.Length; length++)
        {
            test.Checkpoint = good[..length];
            Assert.Null(test.Break().Entry);
        }
    }

    [Theory]
    [Trait("Spec", "P-01")]
    [Trait("Threat", "T-24")]
    [InlineData(0)]
    [InlineData(AuditLimits.EntryBytesMax + 1)]
    [InlineData(ushort.MaxValue)]
    public void An_entry_of_a_length_out_of_bounds_is_refused_before_its_bytes_are_read(int length)
    {
        using var test = new TestLog().With(3);
        List<byte[]> records = test.Records;
        // As many bytes as it says, or fewer: a reader that went on would say that the file ends, or that this is no entry.
        foreach (byte[] bytes in (byte[][])[new byte[length], []])
        {
            records[1] = [(byte)(length >> 8), (byte)(length & 0xFF), .. bytes];
            test.Records = records;
            AuditBreak found = test.Break();
            Assert.Equal(1, found.Entry);
            Assert.Contains($"its length {length} is not within", found.What, StringComparison.Ordinal);
        }
        records[1] = [AuditLimits.EntryBytesMax >> 8, 0, .. new byte[AuditLimits.EntryBytesMax]];
        test.Records = records;
        Assert.DoesNotContain("its length", test.Break().What, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Spec", "P-24")]
    public void A_log_cut_at_any_length_misses_the_entry_that_was_cut()
    {
        using var test = new TestLog().With(5);
        byte[] good = test.Entries;
        int[] entryOf = [.. test.Records.SelectMany((record, i) => Enumerable.Repeat(i, record.Length))];
        for (int length = 0; length < good.Length; length++)
        {
            test.Entries = good[..length];
            Assert.Equal(entryOf[length], test.Break().Entry);
            Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => test.Open()).ExitCode);
            Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => test.Reader.Read().Count()).ExitCode);
        }
    }

    [Theory]
    [Trait("Spec", "P-23")]
    [InlineData("swap", 1)]
    [InlineData("drop", 1)]
    [InlineData("insert", 2)]
    [InlineData("double", 2)]
    [InlineData("replace", 1)]
    public void Entries_swapped_dropped_inserted_doubled_or_exchanged_are_named(string attack, long entry)
    {
        using var test = new TestLog().With(5);
        using var other = new TestLog();
        using (AuditLog log = other.Create())
            log.Append([.. Enumerable.Range(0, 5).Select(i => TestLog.Released(7 + i))]);
        List<byte[]> records = test.Records;
        switch (attack)
        {
            case "swap": (records[1], records[2]) = (records[2], records[1]); break;
            case "drop": records.RemoveAt(1); break;
            case "insert": records.Insert(2, other.Records[2]); break;
            case "double": records.Insert(2, records[1]); break;
            default: records[1] = other.Records[1]; break;
        }
        test.Records = records;
        Assert.Equal(entry, test.Break().Entry);
    }

    [Fact]
    public void A_past_written_anew_with_right_links_is_another_root()
    {
        using var test = new TestLog().With(5);
        using var other = new TestLog();
        using (AuditLog log = other.Create())
            log.Append([.. Enumerable.Range(0, 5).Select(i => TestLog.Released(7 + i))]);
        test.Entries = other.Entries;
        Assert.Equal(4, test.Break().Entry);

        // With a checkpoint of its own, by another key of the same name: still not that of this log.
        using var thief = new TestSigner(seed: 2);
        test.Checkpoint = Checkpoint.Sign(5, [.. new byte[32]], thief.LogKey, thief).Note;
        Assert.Null(test.Break().Entry);
        // The attack itself is well made: the thief's own reader is content with the thief's log.
        using var fork = new TestLog();
        using (AuditLog log = AuditLog.Create(fork.Dir, thief, fork.Clock))
            log.Append(TestLog.Released(1));
        Assert.True(new AuditReader(fork.Dir, thief.LogKey).Verify().IsIntact);
        Assert.False(new AuditReader(fork.Dir, test.Signer.LogKey).Verify().IsIntact);
    }

    [Fact]
    [Trait("Spec", "P-13")]
    public void A_checkpoint_of_a_witness_beside_ours_is_fine_and_ours_twice_or_not_at_all_is_not()
    {
        using var test = new TestLog().With(2);
        string good = Encoding.UTF8.GetString(test.Checkpoint);
        string own = good[good.IndexOf('\u2014')..];
        string witness = own.Replace("vmpod.test/pod", "witness.test", StringComparison.Ordinal);
        Set(good + witness);
        Assert.True(test.Reader.Verify().IsIntact);
        Set(good + own);
        Assert.Null(test.Break().Entry);
        Set(good.Replace(own, witness, StringComparison.Ordinal));
        Assert.Null(test.Break().Entry);
        Set(good + "no signature line\n");
        Assert.Null(test.Break().Entry);
        Set(good + string.Concat(Enumerable.Repeat(witness, 40)));
        Assert.Null(test.Break().Entry);

        void Set(string text) => test.Checkpoint = Encoding.UTF8.GetBytes(text);
    }

    [Fact]
    public void A_log_and_checkpoint_put_back_together_is_the_older_log_which_only_a_checkpoint_kept_elsewhere_shows()
    {
        using var test = new TestLog().With(2);
        (byte[] entries, byte[] checkpoint) = (test.Entries, test.Checkpoint);
        using (AuditLog log = test.Open())
            log.Append(TestLog.Released(9));
        AuditProof kept = test.Reader.Prove(2);
        (test.Entries, test.Checkpoint) = (entries, checkpoint);
        // Not promised, and said so in SPEC.md.
        Assert.True(test.Reader.Verify().IsIntact);
        Assert.True(kept.Verify(test.Signer.LogKey));
        Assert.Equal(ExitCode.NotFound, Assert.Throws<VmPodException>(() => test.Reader.Prove(2)).ExitCode);
    }
}
