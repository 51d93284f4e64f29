using VmPod.Vault.Format;

namespace VmPod.Sync.Difference;

/// <summary>The ids of a store, ascending and none twice. It must not change while a difference is found.</summary>
public interface IIdList
{
    /// <summary>How many there are.</summary>
    long Count { get; }

    /// <summary>Those that are not before <paramref name="first"/>, ascending.</summary>
    IEnumerable<CellId> From(CellId first);
}
