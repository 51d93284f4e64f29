using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>One generation of a SESSION.</summary>
/// <param name="Generation">Its number, from 1.</param>
/// <param name="Number">Its commit's number.</param>
/// <param name="Kind">What it is.</param>
/// <param name="TimeMs">Its writer's clock, ms since 1970.</param>
public readonly record struct GenerationLine(ulong Generation, ulong Number, GenerationKind Kind, ulong TimeMs)
{
    /// <summary>Bytes of a line.</summary>
    public const int Size = 8 + 8 + 1 + 8;
}
