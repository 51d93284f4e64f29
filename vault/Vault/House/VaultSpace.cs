namespace VmPod.Vault.House;

/// <summary>How much room there is where a vault lies.</summary>
/// <param name="FreeBytes">Bytes that this user may still write.</param>
/// <param name="TotalBytes">Bytes of the file system.</param>
/// <param name="ReserveBytes">What is kept for suspending a session (V-167): puts and live sync leave it alone.</param>
public readonly record struct VaultSpace(long FreeBytes, long TotalBytes, long ReserveBytes)
{
    // A tenth (rule 21).
    private const int LowShare = 10;

    /// <summary>True if less than a tenth is free: time to forget something.</summary>
    public bool IsLow => FreeBytes < TotalBytes / LowShare;

    /// <summary>True if all that is free is kept for a suspend.</summary>
    public bool IsKeptOnly => FreeBytes < ReserveBytes;
}
