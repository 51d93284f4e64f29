using System.Text.Json.Serialization;
using VmPod.HostGuard.Pods;
using VmPod.HostGuard.Session;

namespace VmPod.HostGuard.Control;

/// <summary>What the command line asks of a session process: one line of JSON each.</summary>
public sealed record ControlRequest
{
    /// <summary>"status", "checkpoint", "suspend", "rehearse", "leave", "simulate-leave" or "display".</summary>
    public required string Verb { get; init; }

    /// <summary>A word that goes with it: the checkpoint's label.</summary>
    public string? Label { get; init; }
}

/// <summary>What a session process answers.</summary>
public sealed record ControlReply
{
    /// <summary>The exit code of the command.</summary>
    public int ExitCode { get; init; }

    /// <summary>What went wrong, in a sentence.</summary>
    public string? Error { get; init; }

    /// <summary>What to do next.</summary>
    public string? Hint { get; init; }

    /// <summary>The session as it is.</summary>
    public SessionStatus? Status { get; init; }

    /// <summary>What the operation did.</summary>
    public SessionResult? Result { get; init; }

    /// <summary>What leaving would do.</summary>
    public IReadOnlyList<string>? Plan { get; init; }
}

/// <summary>The error that a command shows with --json.</summary>
/// <param name="Code">The exit code.</param>
/// <param name="Message">What happened.</param>
/// <param name="Hint">What to do next.</param>
public sealed record ErrorBody(int Code, string Message, string? Hint);

/// <summary>{"error": …}</summary>
/// <param name="Error">The error.</param>
public sealed record ErrorReply(ErrorBody Error);

/// <summary>What adopt did.</summary>
public sealed record AdoptResult
{
    /// <summary>The session's name.</summary>
    public required string Session { get; init; }

    /// <summary>Its handle.</summary>
    public required string Handle { get; init; }

    /// <summary>Its first generation.</summary>
    public ulong Generation { get; init; }

    /// <summary>Bytes of cells appended.</summary>
    public long BytesAdded { get; init; }

    /// <summary>Bytes of the disk that were read.</summary>
    public long BytesRead { get; init; }

    /// <summary>Seconds.</summary>
    public double WallS { get; init; }
}

/// <summary>What pair did.</summary>
/// <param name="Pairing">The pairing's id: no secret.</param>
/// <param name="Pod">How the pod calls itself.</param>
/// <param name="Role">"home" or "foreign": what the pod's owner said that this host is.</param>
public sealed record PairReply(string Pairing, string Pod, string Role);

/// <summary>One thing that doctor or preflight looked at.</summary>
/// <param name="Name">What.</param>
/// <param name="Verdict">"green", "amber" or "red".</param>
/// <param name="Found">What was found.</param>
/// <param name="Cure">What would help, or null.</param>
public sealed record Finding(string Name, string Verdict, string Found, string? Cure);

/// <summary>JSON of hostguard: snake_case, no reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ControlRequest))]
[JsonSerializable(typeof(ControlReply))]
[JsonSerializable(typeof(SessionRequest))]
[JsonSerializable(typeof(SessionStatus))]
[JsonSerializable(typeof(SessionResult))]
[JsonSerializable(typeof(WipeReceipt))]
[JsonSerializable(typeof(AdoptResult))]
[JsonSerializable(typeof(KnownPod))]
[JsonSerializable(typeof(LinkPolicy))]
[JsonSerializable(typeof(ResidueOwner))]
[JsonSerializable(typeof(IReadOnlyList<ResidueReport>))]
[JsonSerializable(typeof(PairReply))]
[JsonSerializable(typeof(IReadOnlyList<PodInReach>))]
[JsonSerializable(typeof(WatchNotice))]
[JsonSerializable(typeof(ErrorReply))]
[JsonSerializable(typeof(IReadOnlyList<SessionStatus>))]
[JsonSerializable(typeof(IReadOnlyList<string>))]
[JsonSerializable(typeof(IReadOnlyList<Finding>))]
public sealed partial class HostGuardJson : JsonSerializerContext;
