using VmPod.Foundation;
using VmPod.Secrets;
using Xunit;

namespace VmPod.Vault.Tests.Secrets;

[Collection(SecretsCollection.Name)]
[Trait("Threat", "T-06")]
public sealed unsafe class LockedMemoryTests
{
    private const int OneMiB = 1 << 20;

    [Fact]
    public void A_block_is_locked_and_grows_VmLck_by_its_length_and_gives_it_back()
    {
        ProcessMemory.Settle();
        long before = ProcessMemory.LockedBytes();
        using (var memory = new LockedMemory(OneMiB - 5))
        {
            Assert.Equal(OneMiB, memory.Length);
            Assert.Equal(before + OneMiB, ProcessMemory.LockedBytes());
            string[] flags = ProcessMemory.VmFlags((nint)memory.Pointer);
            Assert.Contains("lo", flags);
            Assert.Contains("dd", flags);
            Assert.Contains("wf", flags);
        }
        Assert.Equal(before, ProcessMemory.LockedBytes());
    }

    [Fact]
    public void Clear_zeroes_all_of_it_and_the_block_stays_usable()
    {
        var canary = new Canary();
        using var memory = new LockedMemory(OneMiB);
        canary.WriteTo(memory.Slice(0, Canary.Length));
        canary.WriteTo(memory.Slice(OneMiB - Canary.Length, Canary.Length));
        Assert.Equal(2, canary.CountInWritableMemory());
        memory.Clear();
        Assert.Equal(0, canary.CountInWritableMemory());
        memory.Slice(7, 1)[0] = 1;
        Assert.Equal(1, memory.Pointer[7]);
    }

    [Fact]
    public void After_dispose_nothing_is_left_and_every_use_is_an_error()
    {
        var canary = new Canary();
        var memory = new LockedMemory(OneMiB);
        canary.WriteTo(memory.Slice(4096, Canary.Length));
        memory.Dispose();
        memory.Dispose();
        Assert.Equal(0, canary.CountInWritableMemory());
        Assert.Throws<ObjectDisposedException>(() => memory.Slice(0, 1).Length);
        Assert.Throws<ObjectDisposedException>(memory.Clear);
        Assert.Throws<ObjectDisposedException>(() => (nint)memory.Pointer);
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, -1)]
    [InlineData(0, OneMiB + 1)]
    [InlineData(OneMiB, 1)]
    [InlineData(long.MaxValue, 1)]
    [InlineData(long.MaxValue, int.MaxValue)]
    public void A_window_outside_the_block_is_refused(long offset, int length)
    {
        using var memory = new LockedMemory(OneMiB);
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Slice(offset, length).Length);
        Assert.Equal(0, memory.Slice(OneMiB, 0).Length);
    }

    [Fact]
    public void Its_text_is_type_and_length()
    {
        using var memory = new LockedMemory(4096);
        Assert.Equal("LockedMemory(4096 bytes)", memory.ToString());
    }
}
