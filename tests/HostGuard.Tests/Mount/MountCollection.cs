using Xunit;

namespace VmPod.HostGuard.Tests.Mount;

/// <summary>Tests with real mounts run one after another: several wait for the kernel, and some measure time.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
[System.Diagnostics.CodeAnalysis.SuppressMessage("Naming", "CA1711", Justification = "xunit's word for it.")]
public sealed class MountCollection
{
    public const string Name = "mount";
}
