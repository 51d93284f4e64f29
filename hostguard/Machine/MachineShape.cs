using System.Text.Json;
using System.Text.RegularExpressions;
using VmPod.Foundation;

namespace VmPod.HostGuard.Machine;

/// <summary>
/// What the guest sees of its machine. It is fixed when a session is adopted, stands in the session's configuration, and is the same at
/// each resume: device state loads only into the device set that saved it.
/// </summary>
public sealed partial record MachineShape
{
    /// <summary>The version of this record; it also names the fixed part of the device set (see QemuArguments).</summary>
    public const int CurrentVersion = 1;

    /// <summary>
    /// Named baselines, never host or max: a session must run on the next host too. qemu64 is the least that a Debian kernel wants; Nehalem
    /// is x86-64-v2, Haswell-noTSX is x86-64-v3. The versioned machine type fixes which version of the model is meant.
    /// </summary>
    public static readonly IReadOnlyList<string> CpuModels = ["qemu64", "Nehalem", "Haswell-noTSX"];

    /// <summary><see cref="CurrentVersion"/>.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>A versioned machine type, pc-i440fx-MAJOR.MINOR.</summary>
    public required string MachineType { get; init; }

    /// <summary>One of <see cref="CpuModels"/>.</summary>
    public required string CpuModel { get; init; }

    /// <summary>Virtual CPUs, 1 to <see cref="MachineLimits.CpusMax"/>.</summary>
    public required int Cpus { get; init; }

    /// <summary>Guest RAM in bytes, a multiple of 1 MiB.</summary>
    public required long MemoryBytes { get; init; }

    /// <summary>A VGA card.</summary>
    public bool Display { get; init; }

    /// <summary>
    /// A network card. Whether anything is at its other end is <see cref="MachineSpec.Network"/>, which may change from resume to resume.
    /// </summary>
    public bool NetworkCard { get; init; }

    /// <summary>The witness port org.vmpod.agent.0 of tests and demo: a way for the host to run commands in the guest.</summary>
    public bool TestAgent { get; init; }

    /// <summary>Reads what <see cref="ToJson"/> wrote; unknown, missing or repeated members are refused.</summary>
    /// <exception cref="VmPodException">Not a machine VmPod runs (exit code 5).</exception>
    public static MachineShape FromJson(ReadOnlySpan<byte> utf8)
    {
        MachineShape shape;
        try
        {
            shape = JsonSerializer.Deserialize(utf8, MachineShapeJson.Default.MachineShape) ?? throw new JsonException();
        }
        catch (JsonException e)
        {
            throw new VmPodException(ExitCode.Damaged, "The session's machine description cannot be read.", innerException: e);
        }
        shape.Validate();
        return shape;
    }

    /// <summary>UTF-8 JSON for the session's configuration.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, MachineShapeJson.Default.MachineShape);

    /// <summary>Checks every member against the allow-list; nothing that did not pass here reaches QEMU's command line.</summary>
    /// <exception cref="VmPodException">A value is not allowed (exit code 5).</exception>
    public void Validate()
    {
        Check(Version == CurrentVersion, $"version {Version}");
        Check(MachineTypes().IsMatch(MachineType), "machine type (a versioned pc-i440fx is needed)");
        Check(CpuModels.Contains(CpuModel), $"CPU model (one of {string.Join(", ", CpuModels)})");
        Check(Cpus is >= 1 and <= MachineLimits.CpusMax, $"number of CPUs (1 to {MachineLimits.CpusMax})");
        Check(MemoryBytes is >= MachineLimits.MemoryBytesMin and <= MachineLimits.MemoryBytesMax
            && MemoryBytes % MachineLimits.MemoryBytesUnit == 0,
            "memory size (64 MiB to 256 GiB in whole MiB)");
    }

    private static void Check(bool right, string what)
    {
        if (!right)
            throw new VmPodException(ExitCode.Damaged, $"The session's machine description has a {what} that VmPod does not run.");
    }

    [GeneratedRegex(@"^pc-i440fx-[0-9]{1,2}\.[0-9]\z", RegexOptions.CultureInvariant)]
    private static partial Regex MachineTypes();
}
