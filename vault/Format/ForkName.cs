using System.Globalization;

namespace VmPod.Vault.Format;

/// <summary>The name of a fork: "fork-" and the id of the lease that left it, in 16 hex digits (V-91). A lease leaves one at most.</summary>
public static class ForkName
{
    private const string Prefix = "fork-";
    private const int Digits = 16;

    /// <summary>The name of a lease's fork.</summary>
    public static string Of(ulong leaseId) => Prefix + leaseId.ToString("x16", CultureInfo.InvariantCulture);

    /// <summary>Reads a name. False unless it is exactly one.</summary>
    public static bool TryParse(string name, out ulong leaseId)
    {
        leaseId = 0;
        return name.Length == Prefix.Length + Digits && name.StartsWith(Prefix, StringComparison.Ordinal)
            && ulong.TryParse(name.AsSpan(Prefix.Length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out leaseId)
            && name == Of(leaseId);
    }
}
