namespace VmPod.Vault.Cells;

/// <summary>The id index has no room for an entry. It is a cache: the answer is to make it anew, larger and without what is left over.</summary>
internal sealed class IndexFullException : Exception;
