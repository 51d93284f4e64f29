namespace VmPod.Sync.Channel.Pairings;

/// <summary>Every bound of the pairing, with its reason.</summary>
public static class PairingLimits
{
    /// <summary>Attempts that an opened desk takes, right or wrong, before the owner must open it again: six digits are then guessed with a chance
    /// of 3 in a million.</summary>
    public const int TriesMax = 3;

    /// <summary>Milliseconds that a desk stays open. Long enough to walk to the other machine and type 75 characters, short enough that a
    /// photograph of the code is worth nothing later.</summary>
    public const int OpenMillisecondsMax = 5 * 60 * 1000;

    /// <summary>Milliseconds that a person has to compare the digits, on each side.</summary>
    public const int AnswerMillisecondsMax = 60_000;

    /// <summary>Values that the digits can have: six, read aloud in one breath.</summary>
    public const int DigitValues = 1_000_000;

    /// <summary>Bytes of a display name: one line of a small screen.</summary>
    public const int NameBytesMax = 64;

    /// <summary>Bytes of the address in a code: a DNS name of 253, a colon, a port.</summary>
    public const int AddressBytesMax = 259;

    /// <summary>Bytes of a one-time secret: 256 bits, so that nobody guesses it, however many tries there were.</summary>
    public const int SecretBytes = 32;

    /// <summary>Bytes of each nonce.</summary>
    public const int NonceBytes = 32;

    /// <summary>The latest second of a record, the end of the year 9999: what a clock of ours can say.</summary>
    public const long CreatedSecondsMax = 253_402_300_799;
}
