using VmPod.Vault.Format;

namespace VmPod.Vault;

/// <summary>What is settled when a vault is made.</summary>
public sealed record VaultOptions
{
    /// <summary>Bytes of every cell; vault/README.md has the measurements.</summary>
    public int CellBytes { get; init; } = FormatLimits.CellBytesDefault;

    /// <summary>The cipher suite of its cells (<see cref="Keys.CellSuite"/>).</summary>
    public byte Suite { get; init; } = Keys.CellSuite.HmacAes;

    /// <summary>Memory of Argon2id in KiB: 256 MiB are about 0.4 s for a guess on a PC (PLATFORM figures in vault/README.md).</summary>
    public int Argon2MemoryKiB { get; init; } = 256 * 1024;
}
