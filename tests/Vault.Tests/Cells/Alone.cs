namespace VmPod.Vault.Tests.Cells;

/// <summary>
/// Tests that measure the process as a whole, or a disk that is full to the last byte (a child that another test has just forked holds what is deleted for a
/// moment more): no other test runs beside them.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public class Alone
{
    public const string Name = "alone";
}
