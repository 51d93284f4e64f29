using System.Text.Json.Serialization;

namespace VmPod.HostGuard.Machine;

/// <summary>The strict reader and writer of <see cref="MachineShape"/>.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(MachineShape))]
internal sealed partial class MachineShapeJson : JsonSerializerContext;
