using Xunit;

namespace VmPod.Vault.Tests.Secrets;

/// <summary>Tests that measure this process's memory run alone.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class SecretsCollection
{
    public const string Name = "secrets";
}
