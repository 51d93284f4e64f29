namespace VmPod.Audit;

/// <summary>A short text or a whole number in an entry's detail. Nothing else converts to it: no key type, no bytes.</summary>
public readonly record struct AuditValue
{
    private AuditValue(string? text, long number)
    {
        Text = text;
        Number = number;
    }

    /// <summary>The text, or null for a number.</summary>
    public string? Text { get; }

    /// <summary>The number; 0 for a text.</summary>
    public long Number { get; }

    /// <summary>A text of at most <see cref="AuditLimits.TextMax"/> printable ASCII characters without quote and backslash.</summary>
    public static implicit operator AuditValue(string text) => new(text, 0);

    /// <summary>A number from 0 to <see cref="AuditLimits.NumberMax"/>.</summary>
    public static implicit operator AuditValue(long number) => new(null, number);

    /// <summary>The text or the number as an entry shows it.</summary>
    public override string ToString() => Text ?? Number.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
