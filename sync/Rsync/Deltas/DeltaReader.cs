using System.Buffers.Binary;
using VmPod.Foundation;

namespace VmPod.Sync.Rsync.Deltas;

/// <summary>
/// Reads a delta that came from outside, a command at a time (SPEC S-140, S-141, S-144, S-146). Each command that it gives is within the basis and within the
/// output that its caller allowed. Data is given in pieces as it comes: no length that the delta says is ever allocated.
/// </summary>
public ref struct DeltaReader
{
    private readonly long basisBytes;
    private RsyncInput input;
    private long outputLeft, dataLeft;

    /// <summary>Begins to read a stream.</summary>
    /// <param name="delta">Where it stands.</param>
    /// <param name="basisBytes">Bytes of the file that is copied from.</param>
    /// <param name="outputBytesMax">The most bytes that it may make.</param>
    /// <exception cref="VmPodException">It is malformed (exit code 5) or of a kind that is not taken (4).</exception>
    public DeltaReader(Stream delta, long basisBytes, long outputBytesMax)
        : this(new RsyncInput(delta, RsyncLimits.DeltaBytesMax(outputBytesMax)), basisBytes, outputBytesMax)
    {
    }

    /// <summary>Begins to read bytes: all of them.</summary>
    /// <param name="delta">The bytes.</param>
    /// <param name="basisBytes">Bytes of the file that is copied from.</param>
    /// <param name="outputBytesMax">The most bytes that it may make.</param>
    /// <exception cref="VmPodException">They are malformed (exit code 5) or of a kind that is not taken (4).</exception>
    public DeltaReader(ReadOnlySpan<byte> delta, long basisBytes, long outputBytesMax)
        : this(new RsyncInput(delta, RsyncLimits.DeltaBytesMax(outputBytesMax)), basisBytes, outputBytesMax)
    {
    }

    private DeltaReader(RsyncInput input, long basisBytes, long outputBytesMax)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(basisBytes);
        ArgumentOutOfRangeException.ThrowIfNegative(outputBytesMax);
        this.input = input;
        this.basisBytes = basisBytes;
        outputLeft = outputBytesMax;
        string?[] members = MetadataJson.Read(RsyncHeader.Read(ref this.input, RsyncHeader.Delta), DeltaWriter.Members);
        if (Algorithms.FileHashBytes(members[0]) == 0)
            throw RsyncFault.Broken("the metadata name no hash of blocks");
        ClaimedHash = FileHash.Read(members[1], members[2]);
        if (members[3] is not null || members[4] is not null)
            _ = FileHash.Read(members[3], members[4]);
    }

    /// <summary>What the delta says to be the hash of what it makes. Whoever made it says so: nothing may be decided by it.</summary>
    public FileHash ClaimedHash { get; }

    /// <summary>The next command; false at the delta's end. The data of the one before must have been read.</summary>
    /// <exception cref="VmPodException">It is malformed or beyond the basis (exit code 5), or makes more than is allowed (8).</exception>
    public bool Next(out DeltaCommand command)
    {
        if (dataLeft > 0)
            throw new InvalidOperationException("The data of the command before was not read.");
        command = default;
        if (input.IsAtEnd)
            return false;
        command = input.Byte() switch
        {
            DeltaCommand.CopyType => new DeltaCommand(true, Int64(), Int64()),
            DeltaCommand.DataType => new DeltaCommand(false, 0, Int64()),
            _ => throw RsyncFault.Broken("a command that there is not"),
        };
        if (command.Length < 1 || command.Offset < 0)
            throw RsyncFault.Broken("a command without a length, or a place before the begin");
        if (command.IsCopy && (command.Length > basisBytes || command.Offset > basisBytes - command.Length))
            throw RsyncFault.Broken("a copy of what the basis does not have");
        if (command.Length > outputLeft)
            throw RsyncFault.Beyond("it makes more than was asked for");
        outputLeft -= command.Length;
        dataLeft = command.IsCopy ? 0 : command.Length;
        return true;
    }

    /// <summary>The next piece of the command's data, which holds until the next call; empty at its end.</summary>
    /// <exception cref="VmPodException">The delta ends within it (exit code 5), or is longer than one of this output can be (8).</exception>
    public ReadOnlySpan<byte> Data()
    {
        if (dataLeft == 0)
            return default;
        ReadOnlySpan<byte> piece = input.TakeSome(dataLeft);
        dataLeft -= piece.Length;
        return piece;
    }

    private long Int64() => BinaryPrimitives.ReadInt64LittleEndian(input.Take(sizeof(long)));
}
