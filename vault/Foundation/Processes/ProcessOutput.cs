using System.Text;
using Microsoft.Win32.SafeHandles;

namespace VmPod.Foundation.Processes;

/// <summary>
/// What a child wrote to its standard output and error: the first <see cref="BytesMax"/> bytes, in a memory file. No thread has to drain
/// it, a chatty child neither blocks nor fills memory, and it can be read after the child is dead.
/// </summary>
public sealed class ProcessOutput : IDisposable
{
    /// <summary>Enough for every complaint of a tool at its start; what comes later is lost.</summary>
    public const int BytesMax = 64 * 1024;

    /// <summary>What is shown of it in an error message.</summary>
    public const int TailCharsMax = 2_000;

    internal SafeFileHandle File { get; } = MemoryFile.Create("vmpod-output", BytesMax);

    /// <summary>The end of what was written so far, at most <see cref="TailCharsMax"/> characters, control characters replaced: a child's
    /// words are not trusted to reach a terminal as they are.</summary>
    public string Tail()
    {
        var buffer = new byte[BytesMax];
        int length = (int)Math.Min(MemoryFile.Position(File), BytesMax);
        int read = RandomAccess.Read(File, buffer.AsSpan(0, length), 0);
        string text = Encoding.UTF8.GetString(buffer, 0, read).TrimEnd();
        if (text.Length > TailCharsMax)
            text = text[^TailCharsMax..];
        return string.Create(text.Length, text, static (chars, from) =>
        {
            for (int i = 0; i < chars.Length; i++)
                chars[i] = char.IsControl(from[i]) && from[i] != '\n' ? '?' : from[i];
        });
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose() => File.Dispose();
}
