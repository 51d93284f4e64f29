using VmPod.Foundation;

namespace VmPod.PodKeeper.Serving;

/// <summary>Wipe receipts as hosts signed them, a file for each: v1/receipts/LEASE-HASH.json, with the signature beside it. The audit log has their
/// hashes.</summary>
internal sealed class ReceiptFolder(string podFolder)
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const int HashDigits = 16;

    private readonly string folder = Path.Combine(podFolder, "v1", "receipts");

    /// <summary>Stores one durably.</summary>
    internal void Save(string lease, string hash, ReadOnlySpan<byte> json, ReadOnlySpan<byte> signature)
    {
        Directory.CreateDirectory(folder, OwnerOnly | UnixFileMode.UserExecute);
        string name = Path.Combine(folder, $"{lease}-{hash[..HashDigits]}");
        Write(name + ".sig", signature);
        Write(name + ".json", json);
        Libc.FsyncDirectory(folder);
    }

    private static void Write(string path, ReadOnlySpan<byte> bytes)
    {
        using var file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            UnixCreateMode = OwnerOnly,
            BufferSize = 0,
        });
        file.Write(bytes);
        Libc.Fsync(file.SafeFileHandle);
    }
}
