using System.Globalization;
using System.Text;
using System.Text.Json;
using VmPod.Foundation;

namespace VmPod.Vault.Format.Store;

/// <summary>vault.json: what the vault is. Written once, when it is made; public; one encoding (V-42).</summary>
public sealed record VaultDescriptor
{
    /// <summary>The format that this program writes and reads.</summary>
    public const int FormatVersion = 1;

    /// <summary>Bytes of an Ed25519 public key.</summary>
    public const int PublicKeySize = 32;

    /// <summary>The vault's random name.</summary>
    public required UInt128 VaultId { get; init; }

    /// <summary>Bytes of every cell: 16 to 256 KiB, a multiple of 4 KiB.</summary>
    public required int CellBytes { get; init; }

    /// <summary>The cipher suite of every cell (VPR1: 1 or 2).</summary>
    public required int Suite { get; init; }

    /// <summary>Unix time in milliseconds at which it was made.</summary>
    public required long CreatedMs { get; init; }

    /// <summary>The Ed25519 key that signs heads.</summary>
    public required ReadOnlyMemory<byte> LogPublicKey { get; init; }

    /// <summary>The one encoding: UTF-8 JSON, the six fields in order, two spaces, a line feed at the end.</summary>
    /// <exception cref="ArgumentException">A field is out of its bounds.</exception>
    public byte[] Encode()
    {
        if (!IsSound())
            throw new ArgumentException("A field of the descriptor is out of its bounds.");
        return Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
            $$"""
            {
              "format": {{FormatVersion}},
              "vaultId": "{{VaultId:x32}}",
              "cellBytes": {{CellBytes}},
              "suite": {{Suite}},
              "created": {{CreatedMs}},
              "logPublicKey": "{{Convert.ToHexStringLower(LogPublicKey.Span)}}"
            }

            """).ReplaceLineEndings("\n"));
    }

    /// <summary>Reads vault.json.</summary>
    /// <exception cref="VmPodException">Refused: a newer format. Damaged: anything that <see cref="Encode"/> would not write.</exception>
    public static VaultDescriptor Parse(ReadOnlySpan<byte> json)
    {
        if (json.Length > StoreLimits.DescriptorBytesMax)
            throw StoreFormatError.Damaged("vault.json is too long");
        VaultDescriptor? descriptor;
        try
        {
            descriptor = Read(json);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or OverflowException)
        {
            throw StoreFormatError.Damaged("vault.json cannot be read");
        }
        // One encoding: what we would write is what must stand there. This refuses unknown, missing, doubled and reordered fields alike.
        if (descriptor is null || !descriptor.IsSound() || !descriptor.Encode().AsSpan().SequenceEqual(json))
            throw StoreFormatError.Damaged("vault.json is not as VmPod writes it");
        return descriptor;
    }

    /// <summary>Equal in every field.</summary>
    public bool Equals(VaultDescriptor? other) => other is not null && VaultId == other.VaultId && CellBytes == other.CellBytes
        && Suite == other.Suite && CreatedMs == other.CreatedMs && LogPublicKey.Span.SequenceEqual(other.LogPublicKey.Span);

    /// <inheritdoc/>
    public override int GetHashCode() => VaultId.GetHashCode();

    private static VaultDescriptor? Read(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        // The format comes first, and is judged before anything else: a newer format may look like nothing we know.
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject || !TryField(ref reader, "format"))
            return null;
        long format = reader.GetInt64();
        if (format > FormatVersion)
        {
            throw new VmPodException(ExitCode.Refused, $"This vault has format {format}; this VmPod knows format {FormatVersion}.",
                "Use a newer VmPod.");
        }
        if (format != FormatVersion || !TryField(ref reader, "vaultId")
            || !UInt128.TryParse(reader.GetString(), NumberStyles.AllowHexSpecifier,
            CultureInfo.InvariantCulture, out var vaultId) || !TryField(ref reader, "cellBytes"))
            return null;
        int cellBytes = reader.GetInt32();
        if (!TryField(ref reader, "suite"))
            return null;
        int suite = reader.GetInt32();
        if (!TryField(ref reader, "created"))
            return null;
        long created = reader.GetInt64();
        if (!TryField(ref reader, "logPublicKey"))
            return null;
        return new VaultDescriptor
        {
            VaultId = vaultId,
            CellBytes = cellBytes,
            Suite = suite,
            CreatedMs = created,
            LogPublicKey = Convert.FromHexString(reader.GetString() ?? ""),
        };
    }

    private static bool TryField(ref Utf8JsonReader reader, string name) =>
        reader.Read() && reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals(name) && reader.Read();

    private bool IsSound() => CellBytes is >= StoreLimits.CellBytesMin and <= StoreLimits.CellBytesMax
        && CellBytes % StoreLimits.CellUnitBytes == 0 && Suite is 1 or 2 && CreatedMs >= 0 && LogPublicKey.Length == PublicKeySize;
}
