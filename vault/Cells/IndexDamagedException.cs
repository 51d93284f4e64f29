namespace VmPod.Vault.Cells;

/// <summary>The id index does not hold what was written to it. It is a cache: the answer is to build it anew.</summary>
internal sealed class IndexDamagedException(string what) : Exception(what);
