namespace VmPod.Vault.Format;

/// <summary>What a page of a chunk is (SPEC V-141): two bits in the map.</summary>
public enum PageKind
{
    /// <summary>All zeros.</summary>
    Zero = 0,

    /// <summary>Stands in the chunk's own payload.</summary>
    Own = 1,

    /// <summary>Is a page of another payload.</summary>
    Reference = 2,

    /// <summary>Stands in the chunk's own payload as a difference from a page of another payload.</summary>
    Difference = 3,
}
