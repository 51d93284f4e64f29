using VmPod.Vault.Keys;

namespace VmPod.Vault.Tests;

// The tests that a suite could break run in both. A class for each run, and nothing in it but the suite's number.

public sealed class MovedCellInSuite1Tests : Attacks.MovedCellTests
{
    protected override byte Suite => CellSuite.Blake2bChaCha20;
}

public sealed class MovedCellInSuite2Tests : Attacks.MovedCellTests
{
    protected override byte Suite => CellSuite.HmacAes;
}

public sealed class RoundTripInSuite1Tests : Pods.RoundTripTests
{
    protected override byte Suite => CellSuite.Blake2bChaCha20;
}

public sealed class RoundTripInSuite2Tests : Pods.RoundTripTests
{
    protected override byte Suite => CellSuite.HmacAes;
}

public sealed class DamageInSuite1Tests : Pods.DamageTests
{
    protected override byte Suite => CellSuite.Blake2bChaCha20;
}

public sealed class DamageInSuite2Tests : Pods.DamageTests
{
    protected override byte Suite => CellSuite.HmacAes;
}

public sealed class GrantedLeaseInSuite1Tests : Pods.GrantedLeaseTests
{
    protected override byte Suite => CellSuite.Blake2bChaCha20;
}

public sealed class GrantedLeaseInSuite2Tests : Pods.GrantedLeaseTests
{
    protected override byte Suite => CellSuite.HmacAes;
}
