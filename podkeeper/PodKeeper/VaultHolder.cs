using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;

namespace VmPod.PodKeeper;

/// <summary>Who holds a vault's lock, as the holder itself wrote it down: for a message, not for a decision.</summary>
/// <param name="ProcessId">Its process id.</param>
/// <param name="Program">Its program.</param>
public sealed record VaultHolder(int ProcessId, string Program)
{
    private const int BytesMax = 256;

    /// <summary>Reads it; null if nothing sensible stands there.</summary>
    public static VaultHolder? Read(string folder)
    {
        // Not by .NET's open, which would ask for a lock on this very file.
        using SafeFileHandle? file = Libc.OpenFile(Path.Combine(folder, "v1", "lock"), write: false, create: false);
        if (file is null)
            return null;
        byte[] bytes = new byte[BytesMax];
        string[] parts = Encoding.UTF8.GetString(bytes, 0, RandomAccess.Read(file, bytes, 0)).TrimEnd('\n').Split(' ', 2);
        return parts.Length == 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int id)
            && parts[1].All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_')
            ? new VaultHolder(id, parts[1])
            : null;
    }
}
