namespace VmPod.Testing;

/// <summary>Whether the guest that answers now is the one that was suspended.</summary>
/// <param name="Reasons">What speaks against it; empty if nothing does.</param>
public sealed record WitnessVerdict(IReadOnlyList<string> Reasons)
{
    /// <summary>True if nothing speaks against it.</summary>
    public bool Unbroken => Reasons.Count == 0;

    /// <inheritdoc/>
    public override string ToString() => Unbroken ? "unbroken" : "broken: " + string.Join("; ", Reasons);
}
