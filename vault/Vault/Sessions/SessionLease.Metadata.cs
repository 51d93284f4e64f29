using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Tables;
using ZstdSharp;

namespace VmPod.Vault.Sessions;

/// <content>A commit's own structure: leaves, lists and manifest go into cells as chunks do.</content>
public sealed partial class SessionLease
{
    // Map leaves are read often and written seldom.
    private const int MetadataLevel = 3;

    void IMetadataSink.SealOpenCell() => packer.Seal();

    void IMetadataSink.MakeRoom()
    {
        if (packer.Room < CellPacker.PartBytesMin)
            packer.Seal();
    }

    long IMetadataSink.SealedCells => packer.Cells;

    int IMetadataSink.BeginPayloads() => metadataPlaces.Count + OpenMetadata.Count();

    void IMetadataSink.AddPayload(uint stream, ReadOnlySpan<byte> bytes) => AddMetadata(new ChunkKey(stream, metadataNumber++), bytes);

    IReadOnlyList<PayloadRef> IMetadataSink.EndPayloads(int mark) => [.. metadataPlaces.Concat(OpenMetadata).Skip(mark)];

    private IEnumerable<PayloadRef> OpenMetadata => packer.Unplaced.Where(u => u.Key.Stream >= MetadataStream.First).Select(u => u.Place);

    // The new run, where the cell that it means by the zero id was sealed before the manifest begins.
    private RunWriter.Result Settle(RunWriter.Result written, int cell) => !written.HasNew || cell >= batchCells.Count
        ? written
        : written with { Runs = [written.Runs[0].Resolve(batchCells[cell]), .. written.Runs.Skip(1)] };

    private void AddMetadata(ChunkKey key, ReadOnlySpan<byte> bytes)
    {
        using var compressor = new Compressor(MetadataLevel);
        byte[] compressed = new byte[Compressor.GetCompressBound(bytes.Length)];
        int length = compressor.Wrap(bytes, compressed);
        if (length < bytes.Length)
            packer.Add(key, Codec.Zstd, bytes.Length, compressed.AsSpan(0, length));
        else
            packer.Add(key, Codec.Raw, bytes.Length, bytes);
    }
}
