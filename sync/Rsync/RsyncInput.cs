namespace VmPod.Sync.Rsync;

/// <summary>Bytes from outside, of a span or of a stream through a buffer of fixed size, to their end. What is not there ends in the declared fault.</summary>
internal ref struct RsyncInput
{
    private readonly Stream? more;
    private readonly byte[] buffer;
    private ReadOnlySpan<byte> rest;
    private long allowed;

    internal RsyncInput(ReadOnlySpan<byte> bytes, long bytesMax)
    {
        buffer = [];
        rest = bytes;
        allowed = bytesMax;
    }

    internal RsyncInput(Stream stream, long bytesMax)
    {
        more = stream;
        buffer = new byte[RsyncLimits.ReadBytes];
        allowed = bytesMax;
    }

    /// <summary>True if no byte is left.</summary>
    internal bool IsAtEnd => rest.IsEmpty && !Fill();

    /// <summary>The next <paramref name="count"/> bytes, at most <see cref="RsyncLimits.ReadBytes"/>; they hold until the next call.</summary>
    internal ReadOnlySpan<byte> Take(int count)
    {
        while (rest.Length < count)
        {
            if (!Fill())
                throw RsyncFault.Broken("it ends too early");
        }
        return Taken(count);
    }

    /// <summary>Some of the next <paramref name="countMax"/> bytes, at least one; they hold until the next call.</summary>
    internal ReadOnlySpan<byte> TakeSome(long countMax)
    {
        if (IsAtEnd)
            throw RsyncFault.Broken("it ends too early");
        return Taken((int)Math.Min(countMax, rest.Length));
    }

    internal byte Byte() => Take(1)[0];

    private ReadOnlySpan<byte> Taken(int count)
    {
        if (count > allowed)
            throw RsyncFault.Beyond("it is longer than one of that file can be");
        allowed -= count;
        ReadOnlySpan<byte> taken = rest[..count];
        rest = rest[count..];
        return taken;
    }

    private bool Fill()
    {
        if (more is null)
            return false;
        int kept = rest.Length;
        rest.CopyTo(buffer);
        int read = more.Read(buffer, kept, buffer.Length - kept);
        rest = buffer.AsSpan(0, kept + read);
        return read > 0;
    }
}
