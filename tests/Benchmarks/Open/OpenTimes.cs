using System.Text.Json;

namespace VmPod.Benchmarks.Open;

/// <summary>What one fresh process measured; milliseconds and MiB.</summary>
/// <param name="UnlockMs">Deriving the passphrase's key: not part of an opening.</param>
/// <param name="VaultMs">Opening the vault.</param>
/// <param name="GenerationMs">Opening the newest generation.</param>
/// <param name="ReadsMs">Reading the random chunks.</param>
/// <param name="BeforeMiB">Resident memory when it began.</param>
/// <param name="PeakMiB">The most that was ever resident (VmHWM).</param>
internal sealed record OpenTimes(double UnlockMs, double VaultMs, double GenerationMs, double ReadsMs, double BeforeMiB, double PeakMiB)
{
    /// <summary>All that counts.</summary>
    public double OpenMs => VaultMs + GenerationMs + ReadsMs;

    /// <summary>As a line that the process prints.</summary>
    public string ToLine() => JsonSerializer.Serialize(this);

    /// <summary>Reads that line.</summary>
    public static OpenTimes Of(string line) => JsonSerializer.Deserialize<OpenTimes>(line) ?? throw new InvalidDataException("The probe printed nothing.");
}
