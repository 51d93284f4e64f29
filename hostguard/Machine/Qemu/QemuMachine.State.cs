using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;

namespace VmPod.HostGuard.Machine;

/// <content>Device state out and in: QEMU's migration, without RAM (x-ignore-shared), through a descriptor.</content>
public sealed partial class QemuMachine
{
    private const string StateDescriptor = "state";

    /// <summary>
    /// Writes the device state to a descriptor; how to read its length: <see cref="StateFile"/>. The guest must be stopped, and stays
    /// stopped.
    /// </summary>
    /// <exception cref="VmPodException">The guest runs, or QEMU could not write the state.</exception>
    public async Task SaveStateAsync(SafeFileHandle state, CancellationToken cancel = default)
    {
        if (await GetRunStateAsync(cancel) is not RunState.Paused)
            throw new VmPodException(ExitCode.Busy, "The guest must be stopped before its state is saved.");
        await MigrateAsync("migrate", state, cancel);
        // "completed" comes a moment before QEMU has left finish-migrate, in which it refuses cont.
        while (await StatusAsync(cancel) == "finish-migrate")
            await Task.Delay(1, cancel);
    }

    /// <summary>
    /// Reads the device state from a descriptor, from its position on. The machine was started with incoming; it is paused afterwards.
    /// </summary>
    /// <exception cref="VmPodException">QEMU refused the state: damaged, or of another machine (exit code 5). QEMU has ended
    /// then.</exception>
    public async Task LoadStateAsync(SafeFileHandle state, CancellationToken cancel = default)
    {
        try
        {
            await MigrateAsync("migrate-incoming", state, cancel);
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Missing || _qmp.Closed.IsCompleted)
        {
            throw new VmPodException(ExitCode.Damaged, $"The device state cannot be loaded: {Complaint}", innerException: e);
        }
        if (await GetRunStateAsync(cancel) is not RunState.Paused)
            throw new VmPodException(ExitCode.Damaged, "The device state was loaded, but the machine is not at rest.");
    }

    private async Task PrepareMigrationAsync(CancellationToken cancel)
    {
        // RAM stays in its file: only pages that nobody shares would go into the stream, and there are none.
        _ = await CommandAsync("migrate-set-capabilities", json =>
        {
            json.WriteStartArray("capabilities");
            json.WriteStartObject();
            json.WriteString("capability", "x-ignore-shared");
            json.WriteBoolean("state", true);
            json.WriteEndObject();
            json.WriteEndArray();
        }, null, cancel);
        _ = await CommandAsync("migrate-set-parameters", json => json.WriteNumber("max-bandwidth", 1L << 40), null, cancel);
    }

    private async Task MigrateAsync(string command, SafeHandle state, CancellationToken cancel)
    {
        _ = await CommandAsync("getfd", json => json.WriteString("fdname", StateDescriptor), state, cancel);
        _ = await CommandAsync(command, json => json.WriteString("uri", "fd:" + StateDescriptor), null, cancel);
        while (true)
        {
            JsonElement reply = await CommandAsync("query-migrate", null, null, cancel);
            // No status at all: it has been asked for, but not begun.
            string status = reply.ValueKind == JsonValueKind.Object && !reply.EnumerateObject().Any() ? "none" : Word(reply, "status");
            switch (status)
            {
                case "completed":
                    return;
                case "none" or "setup" or "active" or "device" or "pre-switchover":
                    await Task.Delay(1, cancel);
                    break;
                case "failed" or "cancelled" or "cancelling":
                    string words = reply.TryGetProperty("error-desc", out JsonElement text) ? text.ToString() : status;
                    throw new VmPodException(ExitCode.Damaged, $"QEMU could not move the device state: {words}");
                default:
                    throw new VmPodException(ExitCode.Damaged, "QEMU's migration is in a state that VmPod does not know.");
            }
        }
    }
}
