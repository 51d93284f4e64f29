using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json;
using VmPod.Secrets;
using Xunit;

namespace VmPod.Vault.Tests.Secrets;

[Collection(SecretsCollection.Name)]
[Trait("Threat", "T-06")]
public sealed unsafe class SecretBufferTests
{
    private static nint AddressOf(SecretBuffer buffer) => (nint)Unsafe.AsPointer(ref buffer.Bytes[0]);

    [Theory]
    [InlineData(1)]
    [InlineData(32)]
    [InlineData(2048)]
    [InlineData(2049)]
    [InlineData(SecretLimits.BufferBytesMax)]
    public void A_secret_is_locked_kept_out_of_dumps_and_wiped_in_a_forked_child(int size)
    {
        using SecretBuffer secret = SecretBuffer.Random(size);
        string[] flags = ProcessMemory.VmFlags(AddressOf(secret));
        Assert.Contains("lo", flags);
        Assert.Contains("dd", flags);
        Assert.Contains("wf", flags);

        // Control: ordinary memory has none of the three, so the reading of the flags is right.
        byte[] array = GC.AllocateArray<byte>(size, pinned: true);
        string[] ordinary = ProcessMemory.VmFlags((nint)Unsafe.AsPointer(ref array[0]));
        Assert.DoesNotContain("lo", ordinary);
        Assert.DoesNotContain("dd", ordinary);
        Assert.DoesNotContain("wf", ordinary);
    }

    [Fact]
    public void Dispose_zeroes_the_bytes_while_their_page_is_still_mapped()
    {
        var canary = new Canary();
        using SecretBuffer neighbour = SecretBuffer.Random(Canary.Length);
        SecretBuffer secret = SecretBuffer.Create(Canary.Length, canary.WriteTo);
        nint address = AddressOf(secret);
        Assert.True(canary.IsAt(address));
        secret.Dispose();
        Span<byte> after = stackalloc byte[Canary.Length];
        ProcessMemory.Read(address, after);
        Assert.False(after.ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void A_forgotten_secret_is_zeroed_by_the_finaliser()
    {
        var canary = new Canary();
        var held = new SecretBuffer?[1];
        Hold(canary, held);
        // Held until it was seen: a collection at any moment may take what is not.
        Assert.True(canary.CountInWritableMemory() >= 1);
        GC.KeepAlive(held);
        held[0] = null;
        for (int i = 0; i < 5; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        Assert.Equal(0, canary.CountInWritableMemory());
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Hold(Canary canary, SecretBuffer?[] into) => into[0] = SecretBuffer.Create(Canary.Length, canary.WriteTo);

    [Fact]
    public void A_plain_array_leaves_copies_behind_when_the_collector_moves_it_and_a_secret_leaves_none()
    {
        // The control. What the collector leaves behind it may use again, or give back, at any moment: once is enough to show it.
        int left = 0;
        for (int i = 0; i < 20 && left == 0; i++)
        {
            var stale = new Canary();
            LeaveCopiesOfAnArray(stale);
            left = stale.CountInWritableMemory();
        }
        Assert.True(left >= 1, "The control failed: the collector left no copy of a plain array.");

        var canary = new Canary();
        using (SecretBuffer secret = SecretBuffer.Create(Canary.Length, canary.WriteTo))
        {
            CollectWithGarbage(keep: null);
            Assert.Equal(1, canary.CountInWritableMemory());
        }
        Assert.Equal(0, canary.CountInWritableMemory());
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void LeaveCopiesOfAnArray(Canary canary)
    {
        var arrays = new List<byte[]>();
        for (int i = 0; i < 64; i++)
        {
            _ = new byte[4096];
            byte[] array = new byte[Canary.Length];
            canary.WriteTo(array);
            arrays.Add(array);
        }
        CollectWithGarbage(arrays);
        foreach (byte[] array in arrays)
            CryptographicOperations.ZeroMemory(array);
    }

    private static void CollectWithGarbage(object? keep)
    {
        for (int i = 0; i < 3; i++)
            GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
        GC.KeepAlive(keep);
    }

    [Fact]
    public void Thousands_of_keys_share_few_locked_pages()
    {
        const int Keys = 4096;
        ProcessMemory.Settle();
        long before = ProcessMemory.LockedBytes();
        long arenaBefore = SecretArena.LockedBytes;
        SecretBuffer[] keys = [.. Enumerable.Range(0, Keys).Select(_ => SecretBuffer.Random(32))];
        // 4,096 keys of 32 bytes are 32 pages; one block of four pages may have been begun before.
        Assert.InRange(ProcessMemory.LockedBytes() - before, Keys * 32 - SecretLimits.BlockBytes, Keys * 32 + SecretLimits.BlockBytes);
        Assert.Equal(Keys, keys.Select(AddressOf).Distinct().Count());
        foreach (SecretBuffer key in keys)
            key.Dispose();
        Assert.InRange(SecretArena.LockedBytes, 0, arenaBefore + SecretLimits.BlockBytes);
        Assert.InRange(ProcessMemory.LockedBytes(), 0, before + SecretLimits.BlockBytes);
    }

    [Fact]
    public void Secrets_of_all_sizes_taken_and_returned_by_many_threads_never_overlap()
    {
        Parallel.For(0, 8, worker =>
        {
            var random = new Random(worker);
            var held = new List<(SecretBuffer Buffer, byte Mark)>();
            for (int i = 0; i < 3000; i++)
            {
                byte mark = (byte)random.Next(1, 256);
                int size = 1 << random.Next(0, 13);
                held.Add((SecretBuffer.Create(size, bytes =>
                {
                    Assert.False(bytes.ContainsAnyExcept((byte)0), "A slot was handed out with the bytes of its last owner.");
                    bytes.Fill(mark);
                }), mark));
                if (held.Count < 24)
                    continue;
                int chosen = random.Next(held.Count);
                Assert.False(held[chosen].Buffer.Bytes.ContainsAnyExcept(held[chosen].Mark), "Two secrets share bytes.");
                held[chosen].Buffer.Dispose();
                held.RemoveAt(chosen);
            }
            held.ForEach(h => h.Buffer.Dispose());
        });
    }

    [Fact]
    public void A_slot_returned_twice_is_a_bug_that_is_found()
    {
        SecretSlot slot = SecretArena.Take(32);
        SecretArena.Return(slot);
        Assert.Throws<InvalidOperationException>(() => SecretArena.Return(slot));
    }

    [Fact]
    public void Disposing_twice_frees_once_and_a_disposed_secret_is_an_error_and_no_zero_key()
    {
        SecretBuffer secret = SecretBuffer.Random(32);
        secret.Dispose();
        using SecretBuffer next = SecretBuffer.Random(32);
        byte[] copy = next.Bytes.ToArray();
        secret.Dispose();
        Assert.Equal(copy, next.Bytes.ToArray());
        Assert.Throws<ObjectDisposedException>(() => secret.Bytes.Length);
        Assert.Throws<ObjectDisposedException>(() => secret.ReadOnlyBytes.Length);
        Assert.Throws<ObjectDisposedException>(() => secret.FixedTimeEquals(next));
    }

    [Fact]
    public void When_the_fill_throws_nothing_of_the_secret_stays()
    {
        var canary = new Canary();
        Assert.Throws<NotSupportedException>(() => SecretBuffer.Create(Canary.Length, bytes =>
        {
            canary.WriteTo(bytes);
            throw new NotSupportedException();
        }));
        Assert.Equal(0, canary.CountInWritableMemory());
    }

    [Fact]
    public void Equality_is_of_bytes_and_length()
    {
        ReadOnlySpan<byte> bytes = [1, 2, 3];
        using SecretBuffer a = SecretBuffer.Create(3, bytes, static (to, from) => from.CopyTo(to));
        using SecretBuffer b = SecretBuffer.Create(3, bytes, static (to, from) => from.CopyTo(to));
        Assert.True(a.FixedTimeEquals(b));
        Assert.False(a.FixedTimeEquals([1, 2, 4]));
        Assert.False(a.FixedTimeEquals([1, 2]));
    }

    [Fact]
    public void Text_and_json_show_the_length_and_never_the_bytes()
    {
        ReadOnlySpan<byte> pin = "4711471147114711"u8;
        using SecretBuffer secret = SecretBuffer.Create(pin.Length, pin, static (to, from) => from.CopyTo(to));
        Assert.Equal("SecretBuffer(16 bytes)", secret.ToString());
        Assert.Equal("SecretBuffer(16 bytes)", $"{secret}");
        // A span cannot be serialised, so a serialiser that walks over the secret by mistake fails loudly.
        Assert.ThrowsAny<Exception>(() => JsonSerializer.Serialize(secret));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(SecretLimits.BufferBytesMax + 1)]
    public void A_size_out_of_bounds_is_refused(int size) => Assert.Throws<ArgumentOutOfRangeException>(() => SecretBuffer.Random(size));
}
