using VmPod.HostGuard.Mount;

namespace VmPod.HostGuard.Tests.Mount;

/// <summary>A disk that throws what it is told to, or else reads as ones.</summary>
internal sealed class FaultyFile(string name) : MountedFile(name, 1 << 20, MountedFileKind.Disk, writable: true)
{
    internal Func<Exception>? Fault { get; set; }

    public override void Read(long offset, Span<byte> into)
    {
        Throw();
        into.Fill(1);
    }

    public override void Write(long offset, ReadOnlySpan<byte> data) => Throw();

    public override void Flush() => Throw();

    private void Throw()
    {
        if (Fault is { } fault)
            throw fault();
    }
}
