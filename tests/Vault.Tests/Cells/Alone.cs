namespace VmPod.Vault.Tests.Cells;

/// <summary>Tests that measure the process as a whole: no other test runs beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public class Alone
{
    public const string Name = "alone";
}
