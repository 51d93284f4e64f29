using VmPod.Secrets;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.Vault.Snapshots.Containers;

/// <summary>Any bytes of a stream of a session; the chunk read last is kept. One for each thread.</summary>
internal sealed class StreamWindow(SessionReader session, StreamInfo stream) : IDisposable
{
    private readonly LockedMemory chunk = new(FormatLimits.ChunkBytes);
    private long held = -1;

    /// <summary>Reads bytes that lie in the stream.</summary>
    /// <exception cref="Foundation.VmPodException">Damaged or missing cells (5).</exception>
    public void Read(long offset, Span<byte> into)
    {
        while (into.Length > 0)
        {
            long number = offset / FormatLimits.ChunkBytes;
            int from = (int)(offset % FormatLimits.ChunkBytes), all = stream.ChunkLength(number), length = Math.Min(into.Length, all - from);
            if (length == all)
            {
                session.ReadChunk(stream, number, into[..length]);
            }
            else
            {
                if (held != number)
                {
                    held = -1;
                    session.ReadChunk(stream, number, chunk.Slice(0, all));
                    held = number;
                }
                chunk.Slice(from, length).CopyTo(into);
            }
            into = into[length..];
            offset += length;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => chunk.Dispose();
}
