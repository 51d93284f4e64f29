using System.Text.Json;

namespace VmPod.HostGuard.Machine;

/// <summary>An event as QEMU sent it.</summary>
/// <param name="Name">Its name, as in QEMU's QMP reference (STOP, RESUME, …).</param>
/// <param name="Data">Its data, or an undefined element.</param>
public sealed record QmpEvent(string Name, JsonElement Data);
