using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using VmPod.Foundation;
using VmPod.HostGuard.Control;
using VmPod.HostGuard.Pods;

namespace VmPod.HostGuard.Commands;

/// <summary>link: how this host uses its networks.</summary>
internal static class LinkCommand
{
    /// <summary>link [--send-limit MBIT|none] [--metered IFACE... | --metered none]; without either, says what holds.</summary>
    public static Command Create(Option<bool> json)
    {
        var limit = new Option<string?>("--send-limit")
        {
            HelpName = "MBIT|none",
            Description = "Send no more than this to a pod, in Mbit/s. What a guest waits for goes at once, and counts.",
        };
        var metered = new Option<string[]>("--metered")
        {
            HelpName = "IFACE|none",
            Description = "Network interfaces that cost money by the byte: watch hands nothing in over these alone.",
            AllowMultipleArgumentsPerToken = true,
        };
        var command = new Command("link", "Say, or show, how this host uses its networks. Holds for each link that begins from then on.") { limit, metered };
        command.Act(json, (result, _) =>
        {
            LinkPolicy policy = LinkPolicy.Load();
            if (result.GetValue(limit) is { } text)
                policy = policy with { SendMbit = Mbit(text) };
            if (result.GetValue(metered) is { Length: > 0 } names)
                policy = policy with { Metered = names is ["none"] ? [] : [.. names.Distinct().Order(StringComparer.Ordinal)] };
            if (result.GetResult(limit) is not null || result.GetResult(metered) is not null)
                policy.Save();
            Console.Out.WriteLine(result.GetValue(json) ? JsonSerializer.Serialize(policy, HostGuardJson.Default.LinkPolicy)
                : string.Create(CultureInfo.InvariantCulture, $"Sends {(policy.SendMbit is { } mbit ? $"at most {mbit} Mbit/s" : "as fast as it goes")}. ")
                    + (policy.Metered.Count == 0 ? "No link is metered." : $"Metered: {string.Join(", ", policy.Metered)}."));
            return Task.CompletedTask;
        });
        return command;
    }

    private static int? Mbit(string text) => text == "none" ? null
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int mbit) && mbit is >= LinkPolicy.MbitMin and <= LinkPolicy.MbitMax ? mbit
        : throw new VmPodException(ExitCode.Usage, $"--send-limit is 'none', or {LinkPolicy.MbitMin} to {LinkPolicy.MbitMax} Mbit/s.");
}
