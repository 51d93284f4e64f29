namespace VmPod.Vault.Format;

/// <summary>How commits are shown to people and programs.</summary>
public static class GenerationKinds
{
    /// <summary>"checkpoint", "disk-only" or "draft".</summary>
    public static string NameOf(GenerationKind kind) => kind switch
    {
        GenerationKind.DiskOnly => "disk-only",
        GenerationKind.Draft => "draft",
        _ => "checkpoint",
    };

    /// <summary>When something was written, by the clock of whoever wrote it. What a host writes into its record is its own word: a time that no
    /// calendar has is the last one that it has.</summary>
    /// <param name="ms">Milliseconds since 1970.</param>
    public static DateTimeOffset TimeOf(ulong ms) =>
        DateTimeOffset.FromUnixTimeMilliseconds((long)Math.Min(ms, (ulong)DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()));
}
