using System.Security.Cryptography;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;

namespace VmPod.Vault.Tests.Attacks;

/// <summary>Cells as an attacker with a key would make them, and the reader that they are shown to.</summary>
internal sealed class CellBench : ICellSource, ILeaseKeySource, IDisposable
{
    internal const int Bytes = 16 * 1024;
    internal static readonly SessionHandle Session = new(77);
    internal static readonly SessionHandle OtherSession = new(78);
    private readonly Dictionary<CellId, byte[]> cells = [];

    internal CellBench(byte suite, int keySeed = 1, ulong vault = 5)
    {
        using SecretBuffer key = SecretBuffer.Create(32, keySeed, static (bytes, seed) => bytes.Fill((byte)seed));
        Keys = LeaseKeys.Derive(key, vault, suite);
        Reader = new PayloadReader(new KeyedCellOpener(this, this), Session, 4);
    }

    public int CellBytes => Bytes;

    internal LeaseKeys Keys { get; }

    internal PayloadReader Reader { get; }

    internal CellContext Context => new(Session, Keys.LeaseId, 7, 0);

    /// <summary>A plaintext (with room for the header before it) that holds these payloads.</summary>
    internal static byte[] Plaintext(CellContext context, params (uint Stream, ulong Chunk, Codec Codec, int RawLength, byte[] Bytes)[] payloads)
    {
        var entries = new List<PayloadEntry>();
        byte[] body = [.. payloads.SelectMany(p => p.Bytes)];
        int offset = 0;
        foreach (var p in payloads)
        {
            entries.Add(new PayloadEntry(p.Stream, p.Chunk, p.Codec, 0, false, p.RawLength, offset, p.Bytes.Length));
            offset += p.Bytes.Length;
        }
        byte[] work = new byte[CellLayout.HeaderBytes + CellLayout.Capacity(Bytes)];
        CellContent.Write(work.AsSpan(CellLayout.HeaderBytes), context, entries.ToArray(), body);
        return work;
    }

    internal byte[] Seal(byte[] work)
    {
        byte[] cell = new byte[Bytes];
        CellCipher.Seal(Keys, work, cell);
        return cell;
    }

    /// <summary>Seals with a T of the attacker's choice: the AEAD is right, the second barrier is not.</summary>
    internal byte[] SealWithWrongMac(byte[] work)
    {
        byte[] cell = Seal(work);
        PutWrongMac(Keys, work, cell);
        return cell;
    }

    /// <summary>As above, over a cell that has its header: what who holds a lease's keys can do.</summary>
    internal static void PutWrongMac(LeaseKeys keys, byte[] work, byte[] cell)
    {
        byte[] key = new byte[32], nonce = new byte[12];
        cell.AsSpan(CellLayout.HeaderBytes, CellLayout.MacBytes).Fill(0x5A);
        CellCipher.DeriveRecordKey(keys, cell, key);
        ReadOnlySpan<byte> plaintext = work.AsSpan(CellLayout.HeaderBytes), associated = cell.AsSpan(0, CellLayout.CipherOffset);
        Span<byte> body = cell.AsSpan(CellLayout.CipherOffset..^CellLayout.TagBytes), tag = cell.AsSpan(^CellLayout.TagBytes..);
        if (keys.Suite == CellSuite.Blake2bChaCha20)
        {
            using var chacha = new ChaCha20Poly1305(key);
            chacha.Encrypt(nonce, plaintext, body, tag, associated);
            return;
        }
        using var aes = new AesGcm(key, CellLayout.TagBytes);
        aes.Encrypt(nonce, plaintext, body, tag, associated);
    }

    internal CellId Store(byte[] cell)
    {
        CellId id = CellId.Of(cell);
        cells[id] = cell;
        return id;
    }

    internal PayloadRef PlaceOf(byte[] cell, uint slot = 0) => new(Keys.LeaseId, 7, Store(cell), slot);

    /// <summary>What a reader without context checks would do: open, find the slot, take the bytes.</summary>
    internal byte[] OpenNaively(byte[] cell)
    {
        byte[] work = new byte[CellLayout.HeaderBytes + CellLayout.Capacity(Bytes)];
        return CellCipher.TryOpen(Keys, cell, work) && CellContent.TryParse(work.AsSpan(CellLayout.HeaderBytes), out CellContent content)
            ? content.Bytes(content.Entry(0)).ToArray()
            : [];
    }

    public bool TryRead(in CellId id, Span<byte> cell)
    {
        if (!cells.TryGetValue(id, out byte[]? found))
            return false;
        found.CopyTo(cell);
        return true;
    }

    public LeaseKeys? Find(ulong leaseId) => leaseId == Keys.LeaseId ? Keys : null;

    public void Dispose()
    {
        Reader.Dispose();
        Keys.Dispose();
    }
}
