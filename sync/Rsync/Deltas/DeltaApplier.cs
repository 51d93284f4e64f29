using System.Security.Cryptography;
using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Sync.Rsync.Deltas;

/// <summary>
/// Makes a new file out of a basis and a delta. The delta's own hash is not looked at: who can change a delta can change that. Whoever applies one knows what
/// must come out, by a hash that was authenticated (<see cref="ApplyVerified"/>) or by the cells' ids (<see cref="Segments.SegmentDelta"/>), or takes
/// the result for what it is: bytes that somebody sent.
/// </summary>
public static class DeltaApplier
{
    /// <summary>Applies a delta, and verifies nothing.</summary>
    /// <param name="basis">Can seek; its length is that of the basis.</param>
    /// <param name="delta">From where it stands to its end.</param>
    /// <param name="output">Where the new file goes. After an error it holds a part.</param>
    /// <param name="outputBytesMax">The most bytes that it may get.</param>
    /// <returns>Bytes of the new file.</returns>
    /// <exception cref="VmPodException">The delta is malformed, or the basis shorter than its length (exit code 5), of a kind that is not taken (4), or makes
    /// more than is allowed (8).</exception>
    public static long Apply(Stream basis, Stream delta, Stream output, long outputBytesMax)
    {
        ArgumentNullException.ThrowIfNull(output);
        return Apply(basis, delta, output.Write, outputBytesMax);
    }

    /// <summary>Applies a delta in memory, and verifies nothing.</summary>
    /// <returns>Bytes of the new file, at the begin of <paramref name="output"/>.</returns>
    /// <exception cref="VmPodException">As of streams; 8 if <paramref name="output"/> is too short.</exception>
    public static int Apply(ReadOnlySpan<byte> basis, ReadOnlySpan<byte> delta, Span<byte> output)
    {
        var reader = new DeltaReader(delta, basis.Length, output.Length);
        int written = 0;
        while (reader.Next(out DeltaCommand command))
        {
            if (command.IsCopy)
            {
                basis.Slice((int)command.Offset, (int)command.Length).CopyTo(output[written..]);
                written += (int)command.Length;
                continue;
            }
            while (reader.Data() is { IsEmpty: false } piece)
            {
                piece.CopyTo(output[written..]);
                written += piece.Length;
            }
        }
        return written;
    }

    /// <summary>Applies a delta whose result is known by its hash.</summary>
    /// <param name="basis">Can seek; its length is that of the basis.</param>
    /// <param name="delta">From where it stands to its end.</param>
    /// <param name="output">Where the new file goes. After an error nothing of it may be used.</param>
    /// <param name="outputBytes">Bytes that the new file has.</param>
    /// <param name="sha256">Its SHA-256, which somebody vouches for.</param>
    /// <exception cref="VmPodException">As of <see cref="Apply(Stream, Stream, Stream, long)"/>; 5 also if another file came out.</exception>
    public static void ApplyVerified(Stream basis, Stream delta, Stream output, long outputBytes, in Digest sha256)
    {
        ArgumentNullException.ThrowIfNull(output);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long made = Apply(basis, delta, piece =>
        {
            hash.AppendData(piece);
            output.Write(piece);
        }, outputBytes);
        Span<byte> value = stackalloc byte[Digest.Size];
        _ = hash.GetHashAndReset(value);
        if (made != outputBytes || Digest.ReadFrom(value) != sha256)
            throw RsyncFault.NotExpected("the file has another hash");
    }

    internal static long Apply(Stream basis, Stream delta, OutputPiece output, long outputBytesMax)
    {
        ArgumentNullException.ThrowIfNull(basis);
        ArgumentNullException.ThrowIfNull(delta);
        var reader = new DeltaReader(delta, basis.Length, outputBytesMax);
        byte[]? piece = null;
        long made = 0;
        while (reader.Next(out DeltaCommand command))
        {
            made += command.Length;
            if (command.IsCopy)
                Copy(basis, command, piece ??= new byte[RsyncLimits.ReadBytes], output);
            else
            {
                while (reader.Data() is { IsEmpty: false } data)
                    output(data);
            }
        }
        return made;
    }

    private static void Copy(Stream basis, in DeltaCommand command, byte[] piece, OutputPiece output)
    {
        basis.Position = command.Offset;
        for (long left = command.Length; left > 0;)
        {
            int read = basis.Read(piece, 0, (int)Math.Min(left, piece.Length));
            if (read == 0)
                throw RsyncFault.Broken("the basis became shorter");
            output(piece.AsSpan(0, read));
            left -= read;
        }
    }
}
