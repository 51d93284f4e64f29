using System.Text.Json.Serialization;
using VmPod.Audit;

namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>An entry of the audit log.</summary>
internal sealed record AuditEntryReply(
    long Seq, DateTimeOffset Time, string Event, string Actor, string? Session, string Outcome,
    [property: JsonConverter(typeof(DetailConverter))] IReadOnlyDictionary<string, AuditValue> Detail);
