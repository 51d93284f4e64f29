using System.Buffers.Binary;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Tests.Cells;

/// <summary>A pod folder of one test, with small cells, and helpers that make cells and commits from numbers.</summary>
internal sealed class PodFolder : IDisposable
{
    internal const int CellBytes = StoreLimits.CellBytesMin;
    internal const byte CommitType = 2;

    // In memory where the machine has it: most tests are not about the disk, and its syncs are slow.
    private static readonly string s_base = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();

    internal PodFolder()
        : this(Path.Combine(s_base, $"vmpod-cells-{Guid.NewGuid():n}"))
    {
    }

    internal PodFolder(string dir) => Dir = Directory.CreateDirectory(dir).FullName;

    internal string Dir { get; }

    internal FakeAuthority Authority { get; } = new();

    internal static VaultDescriptor Descriptor { get; } = new()
    {
        VaultId = UInt128.Parse("00112233445566778899aabbccddeeff", System.Globalization.NumberStyles.HexNumber),
        CellBytes = CellBytes,
        Suite = 2,
        CreatedMs = 1_800_000_000_000,
        LogPublicKey = Enumerable.Range(0, 32).Select(i => (byte)i).ToArray(),
    };

    internal static byte[] Cell(int number)
    {
        var cell = new byte[CellBytes];
        BinaryPrimitives.WriteInt32BigEndian(cell, number);
        cell.AsSpan(4).Fill(unchecked((byte)(number * 31 + 1)));
        return cell;
    }

    internal static CellId Id(int number) => CellId.Of(Cell(number));

    internal string PathOf(string name) => Path.Combine(Dir, name);

    internal CellStore Create(Action<DiskOperation>? observe = null) =>
        CellStore.Create(Dir, Descriptor, Authority, [], _ => new HeadDraft(0, Descriptor.CreatedMs, []), observe);

    internal CellStore Open(StoreAccess access = StoreAccess.Write, Action<DiskOperation>? observe = null) =>
        CellStore.Open(Dir, access, Authority, observe);

    /// <summary>Appends cells number from..from+count-1 in one batch.</summary>
    internal static int Append(CellStore store, int from, int count)
    {
        var cells = new byte[count * CellBytes];
        var ids = new CellId[count];
        for (int i = 0; i < count; i++)
        {
            Cell(from + i).CopyTo(cells, i * CellBytes);
            ids[i] = Id(from + i);
        }
        return store.Append(ids, cells);
    }

    /// <summary>Commits with one entry; the session's tip names it.</summary>
    internal static CommitResult Commit(CellStore store, params byte[] payload) => store.Commit([new(CommitType, payload)], context =>
        new HeadDraft(context.Seq, (long)context.Seq, [new SessionEntry
        {
            Handle = 5,
            TipOffset = context.Entries[0].Offset,
            TipHash = context.Entries[0].Hash,
            Commits = context.Seq,
        }]));

    internal static void AssertReads(CellStore store, int from, int count)
    {
        var cell = new byte[CellBytes];
        for (int i = from; i < from + count; i++)
        {
            Assert.True(store.TryRead(Id(i), cell), $"cell {i} is missing");
            Assert.Equal(Cell(i), cell);
        }
    }

    internal static void AssertAbsent(CellStore store, int from, int count)
    {
        for (int i = from; i < from + count; i++)
            Assert.False(store.Contains(Id(i)), $"cell {i} should not be there");
    }

    internal void FlipBit(string name, long offset, int bit = 0)
    {
        using var file = new FileStream(PathOf(name), FileMode.Open);
        file.Position = offset;
        int old = file.ReadByte();
        file.Position = offset;
        file.WriteByte((byte)(old ^ (1 << bit)));
    }

    public void Dispose() => Directory.Delete(Dir, recursive: true);
}
