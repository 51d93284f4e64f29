using VmPod.Sync.Wire;

namespace VmPod.PodKeeper.Tests.Hostile;

/// <summary>What one change does to a transcript.</summary>
internal enum AttackKind
{
    Zero,
    Max,
    PlusOne,
    MinusOne,
    Flip,
    CutShort,
    MakeLonger,
    Drop,
    Duplicate,
    Swap,
    Replay,
    Splice,
    Replace,
}

/// <summary>One change of a transcript, which is a list of frames. Applied to any: what does not fit is taken modulo what is there.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Frame">To which frame.</param>
/// <param name="Other">To which field of it, or with which other frame.</param>
internal readonly record struct Attack(AttackKind Kind, int Frame, int Other)
{
    private static readonly AttackKind[] OfFields = [AttackKind.Zero, AttackKind.Max, AttackKind.PlusOne, AttackKind.MinusOne, AttackKind.Flip],
        OfFrames = [AttackKind.CutShort, AttackKind.MakeLonger, AttackKind.Drop, AttackKind.Duplicate],
        OfPairs = [AttackKind.Swap, AttackKind.Replay];

    /// <summary>Each message, each field, each change, once; and each of another session's frames in place of and before each frame.</summary>
    /// <param name="frames">A transcript.</param>
    /// <param name="from">Who sends it.</param>
    /// <param name="others">Frames of other sessions.</param>
    internal static IEnumerable<Attack> All(IReadOnlyList<byte[]> frames, WireRole from, int others)
    {
        for (int frame = 0; frame < frames.Count; frame++)
        {
            int fields = FrameFields.Of(frames[frame], from).Count;
            foreach (AttackKind kind in OfFields)
            {
                for (int field = 0; field < fields; field++)
                    yield return new(kind, frame, field);
            }
            foreach (AttackKind kind in OfFrames)
                yield return new(kind, frame, 0);
            foreach (AttackKind kind in OfPairs)
            {
                for (int other = frame + 1; other < frames.Count; other++)
                    yield return new(kind, frame, other);
            }
            for (int other = 0; other < others; other++)
            {
                yield return new(AttackKind.Splice, frame, other);
                yield return new(AttackKind.Replace, frame, other);
            }
        }
    }

    /// <summary>Any of them.</summary>
    internal static Attack Any(ref Seeded random) =>
        new((AttackKind)random.Below((int)AttackKind.Replace + 1), random.Below(1 << 20), random.Below(1 << 20));

    /// <summary>Changes a transcript.</summary>
    /// <param name="frames">Its frames, which are changed.</param>
    /// <param name="from">Who sends it.</param>
    /// <param name="others">Frames of other sessions; some at least.</param>
    internal void Apply(List<byte[]> frames, WireRole from, IReadOnlyList<byte[]> others)
    {
        if (frames.Count == 0)
            return;
        int at = Frame % frames.Count, other = Other % frames.Count;
        switch (Kind)
        {
            case AttackKind.CutShort:
                frames[at] = frames[at][..^1];
                SayLength(frames[at]);
                break;
            case AttackKind.MakeLonger:
                frames[at] = [.. frames[at], 0];
                SayLength(frames[at]);
                break;
            case AttackKind.Drop:
                frames.RemoveAt(at);
                break;
            case AttackKind.Duplicate:
                frames.Insert(at, frames[at]);
                break;
            case AttackKind.Swap:
                (frames[at], frames[other]) = (frames[other], frames[at]);
                break;
            case AttackKind.Replay:
                frames.Insert(other, frames[at]);
                break;
            case AttackKind.Splice:
                frames.Insert(at, others[Other % others.Count]);
                break;
            case AttackKind.Replace:
                frames[at] = others[Other % others.Count];
                break;
            default:
                frames[at] = ChangeField(frames[at], from);
                break;
        }
    }

    private byte[] ChangeField(byte[] frame, WireRole from)
    {
        // A change before this one may have left less than a header.
        if (frame.Length < WireLimits.HeaderBytes)
            return frame;
        IReadOnlyList<(int At, int Length)> fields = FrameFields.Of(frame, from);
        (int begin, int length) = fields[Other % fields.Count];
        byte[] changed = [.. frame];
        Span<byte> field = changed.AsSpan(begin, length);
        switch (Kind)
        {
            case AttackKind.Zero:
                field.Clear();
                break;
            case AttackKind.Max:
                field.Fill(byte.MaxValue);
                break;
            case AttackKind.PlusOne:
                for (int i = length - 1; i >= 0 && unchecked(++field[i]) == 0; i--)
                {
                    // The carry.
                }
                break;
            case AttackKind.MinusOne:
                for (int i = length - 1; i >= 0 && unchecked(field[i]--) == 0; i--)
                {
                    // The borrow.
                }
                break;
            default:
                field[Other % length] ^= (byte)(1 << (Frame + Other) % 8);
                break;
        }
        return changed;
    }

    private static void SayLength(byte[] frame)
    {
        if (frame.Length >= WireLimits.HeaderBytes)
        {
            FrameHeader header = FrameHeader.Read(frame);
            (header with { BodyBytes = frame.Length - WireLimits.HeaderBytes }).WriteTo(frame);
        }
    }
}
