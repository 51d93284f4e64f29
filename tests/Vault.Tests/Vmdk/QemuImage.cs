using Microsoft.Win32.SafeHandles;
using VmPod.Vault.Tests.Pods;

namespace VmPod.Vault.Tests.Vmdk;

/// <summary>Disks as qemu-img writes them, of generated content.</summary>
internal static class QemuImage
{
    internal const int Grain = 64 * 1024;

    /// <summary>A raw disk: holes, pages in a hole, text, bytes that do not compress, a last grain that is not whole.</summary>
    internal static void WriteRaw(string path, long length, int seed = 1)
    {
        using SafeFileHandle file = File.OpenHandle(path, FileMode.Create, FileAccess.Write);
        RandomAccess.SetLength(file, length);
        RandomAccess.Write(file, Data.Random(seed, 20 * Grain), 0);
        RandomAccess.Write(file, Data.Text(seed, 40 * Grain + 5_000), length / 4);
        RandomAccess.Write(file, Data.Random(seed + 1, 4096), length / 2 + 4096);
        RandomAccess.Write(file, Data.Text(seed + 1, 8 * Grain), length / 8 * 5);
        RandomAccess.Write(file, Mixed(seed + 2, 30 * Grain), length / 4 * 3);
        RandomAccess.Write(file, Data.Text(seed + 3, 10_000), length - 10_000);
    }

    /// <summary>Bytes of eight values in no order (Huffman codes alone make them small), zeros, and copies from far away.</summary>
    internal static byte[] Mixed(int seed, int length)
    {
        byte[] bytes = Data.Random(seed, length);
        var random = new Random(seed);
        for (int at = 0; at < length;)
        {
            int run = Math.Min(length - at, random.Next(1, 9000));
            Span<byte> part = bytes.AsSpan(at, run);
            switch (random.Next(5))
            {
                case 0:
                    part.Clear();
                    break;
                case 1:
                    for (int i = 0; i < run; i++)
                        part[i] &= 7;
                    break;
                case 2 when at > run:
                    bytes.AsSpan(random.Next(at - run), run).CopyTo(part);
                    break;
                case 3:
                    Data.Text(seed + at, run).CopyTo(part);
                    break;
                default:
                    break;
            }
            at += run;
        }
        return bytes;
    }

    /// <summary>Converts a raw disk into a VMDK of a sub-format.</summary>
    internal static void Convert(string raw, string vmdk, string subformat) =>
        FolderTree.Run("qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", $"subformat={subformat}", raw, vmdk);

    /// <summary>Writes a byte into a range of a VMDK's disk, as a machine would.</summary>
    internal static void WriteInto(string vmdk, long offset, int length, byte pattern) =>
        FolderTree.Run("qemu-io", "-f", "vmdk", "-c", $"write -P {pattern} {offset} {length}", vmdk);
}
