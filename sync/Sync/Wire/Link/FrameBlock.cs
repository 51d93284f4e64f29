namespace VmPod.Sync.Wire;

/// <summary>Memory of one frame. Who holds it returns it, once.</summary>
internal readonly record struct FrameBlock(FrameMemory Owner, int Offset, Memory<byte> Memory)
{
    internal Span<byte> Span => Memory.Span;

    internal void Return() => Owner.Return(Offset, Memory);
}
