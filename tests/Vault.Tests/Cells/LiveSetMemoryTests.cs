using System.Buffers.Binary;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Tests.Cells;

[Collection(Alone.Name)]
public class LiveSetMemoryTests
{
    [Fact]
    public void MemoryStaysCloseTo32BytesAnId()
    {
        const int Ids = 500_000;
        // What earlier tests forgot goes now, and not while it is measured.
        for (int i = 0; i < 2; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        long before = GC.GetTotalMemory(forceFullCollection: true);
        var set = new LiveSet();
        Span<byte> number = stackalloc byte[4];
        for (int i = 0; i < Ids; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(number, i);
            _ = set.Add(CellId.Of(number));
        }
        _ = set.Root();
        double perId = (GC.GetTotalMemory(forceFullCollection: true) - before) / (double)Ids;
        TestContext.Current.TestOutputHelper?.WriteLine($"{perId:0.00} bytes an id");
        Assert.InRange(perId, 31, 40);
        GC.KeepAlive(set);
    }
}
