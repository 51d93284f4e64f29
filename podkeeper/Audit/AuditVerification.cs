namespace VmPod.Audit;

/// <summary>What a whole reading of the log found.</summary>
/// <param name="Entries">Good entries from the first on.</param>
/// <param name="Signed">How many the checkpoint covers; 0 if it cannot be trusted.</param>
/// <param name="TornBytes">Bytes of an append that a crash cut short; never acknowledged, never signed. The next opening cuts and logs
/// them.</param>
/// <param name="Break">The first break, or null: every signed entry is as it was written.</param>
public sealed record AuditVerification(long Entries, long Signed, long TornBytes, AuditBreak? Break)
{
    /// <summary>No break. Entries beyond <see cref="Signed"/> are linked to the signed ones, but not signed themselves yet.</summary>
    public bool IsIntact => Break is null;
}
