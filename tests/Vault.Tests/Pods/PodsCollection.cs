using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>
/// Tests of whole pods run one after the other: a child that one test starts holds, between fork and exec, the lock of the pod that
/// another test has just closed.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class PodsCollection
{
    public const string Name = "pods";
}
