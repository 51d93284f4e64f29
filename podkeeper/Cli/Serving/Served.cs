using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using VmPod.Foundation;
using VmPod.PodKeeper.Agent;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.PodKeeper.Control;
using VmPod.Secrets;
using VmPod.Vault.Cells;

namespace VmPod.PodKeeper.Cli.Serving;

/// <summary>Asks the server of a pod, where one serves it: it owns the vault.</summary>
internal static class Served
{
    /// <summary>True if a server of this user serves this very folder; a copy of it has the same vault, and is another thing.</summary>
    internal static bool Is(string folder) => Connect(folder) is { } client && IsIts(client, folder);

    /// <summary>Asks it, and reads its answer.</summary>
    /// <exception cref="VmPodException">What the server says, or that it went away (6).</exception>
    internal static T Ask<T>(string folder, string verb, IReadOnlyList<string> arguments, JsonTypeInfo<T> type, SecretBuffer? secret = null,
        IControlScreen? screen = null, TimeSpan? patience = null)
    {
        using ControlClient client = Connect(folder) ?? throw new VmPodException(ExitCode.Busy, "The server of this pod went away.", "Try again.");
        return Read(client.Ask(verb, arguments, secret, screen, patience), type);
    }

    /// <summary>Opens what the server of a pod gives to who reads a copy of it; null if nobody serves it.</summary>
    internal static Stream? OpenCopy(string folder) => Is(folder) ? Connect(folder)?.Open(ServedCommands.ReadCopy) : null;

    private static bool IsIts(ControlClient client, string folder)
    {
        using (client)
            return Read(client.Ask(ServedCommands.IsYours, [Path.GetFullPath(folder)]), ReplyJson.Default.IsYoursReply).Yours;
    }

    private static ControlClient? Connect(string folder) =>
        RuntimeFolder.TryFind() is { } runtime ? ControlClient.TryConnect(runtime, CellStore.ReadDescriptor(folder).VaultId) : null;

    private static T Read<T>(byte[] answer, JsonTypeInfo<T> type)
    {
        if (JsonSerializer.Deserialize(answer, ReplyJson.Default.ErrorReply) is { Error: { } error })
            throw new VmPodException((ExitCode)error.Code, error.Message, error.Hint);
        return JsonSerializer.Deserialize(answer, type) ?? throw new VmPodException(ExitCode.Busy, "The server of this pod gave no answer.");
    }
}
