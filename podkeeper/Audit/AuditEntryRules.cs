namespace VmPod.Audit;

/// <summary>What each field of an entry may hold (SPEC.md P-04 to P-08). Writer and reader ask the same questions.</summary>
internal static class AuditEntryRules
{
    internal const int HashDigits = 64;

    // Year 9999: the last that a DateTimeOffset holds.
    private const long TimeMsMax = 253_402_300_799_999;

    /// <summary>The first rule that the entry breaks, in words; null if it is fine.</summary>
    internal static string? Violation(AuditEntry entry)
    {
        if (!IsNumber(entry.Seq))
            return "seq is out of range";
        if (entry.TimeMs is < 0 or > TimeMsMax)
            return "timeMs is out of range";
        if (!IsName(entry.Event, AuditLimits.DetailNameMax))
            return "event is no name";
        if (entry.Actor != AuditEvent.Local && !IsHandle(entry.Actor))
            return "actor is neither local nor a pseudonym";
        if (entry.Session is not null && !IsHandle(entry.Session))
            return "session is no handle";
        if (!Enum.IsDefined(entry.Outcome))
            return "outcome is unknown";
        if (entry.Previous.Length != HashDigits || !IsHex(entry.Previous))
            return "prev is no hash";
        return DetailViolation(entry.Detail);
    }

    private static string? DetailViolation(IReadOnlyDictionary<string, AuditValue> detail)
    {
        if (detail.Count > AuditLimits.DetailCountMax)
            return "detail has too many members";
        foreach ((string name, AuditValue value) in detail)
        {
            if (!IsName(name, AuditLimits.DetailNameMax))
                return "detail has a member that is no name";
            if (value.Text is null ? !IsNumber(value.Number) : !IsText(value.Text))
                return "detail has a value out of bounds";
        }
        return null;
    }

    private static bool IsNumber(long value) => value is >= 0 and <= AuditLimits.NumberMax;

    private static bool IsName(string name, int lengthMax) =>
        name.Length >= 1 && name.Length <= lengthMax && char.IsAsciiLetterLower(name[0])
            && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '-');

    // Even: whole bytes. At least 8 bytes: shorter handles collide.
    private static bool IsHandle(string handle) =>
        handle.Length is >= 16 and <= AuditLimits.HandleDigitsMax && handle.Length % 2 == 0 && IsHex(handle);

    private static bool IsHex(string text) => text.All(char.IsAsciiHexDigitLower);

    // Without quote and backslash no text needs an escape, so there is one spelling only.
    private static bool IsText(string text) =>
        text.Length <= AuditLimits.TextMax && text.All(c => c is >= ' ' and <= '~' and not '"' and not '\\');
}
