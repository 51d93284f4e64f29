using VmPod.HostGuard.Mount;

namespace VmPod.HostGuard.Tests.Mount;

/// <summary>A disk that sees whether a number of writes were in it at one time: each waits for the others, for a while.</summary>
internal sealed class MeetingFile(string name, int meet) : MountedFile(name, 1 << 20, MountedFileKind.Disk, writable: true), IDisposable
{
    private readonly Barrier barrier = new(meet);
    private volatile bool met;

    internal bool Met => met;

    public override void Read(long offset, Span<byte> into) => into.Clear();

    public override void Write(long offset, ReadOnlySpan<byte> data) => met |= barrier.SignalAndWait(TimeSpan.FromSeconds(60));

    public void Dispose() => barrier.Dispose();
}
