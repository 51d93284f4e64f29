using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using VmPod.Foundation;
using VmPod.HostGuard.Control;
using VmPod.HostGuard.Pods;

namespace VmPod.HostGuard.Commands;

/// <summary>pods: which paired pods are in reach.</summary>
internal static class PodsCommand
{
    private const int SecondsMax = 600;

    /// <summary>pods [--seconds N].</summary>
    public static Command Create(Option<bool> json)
    {
        var seconds = new Option<int>("--seconds") { HelpName = "N", Description = "Look for so long.", DefaultValueFactory = _ => 3 };
        var command = new Command("pods", "Paired pods that announce themselves on this host's networks.") { seconds };
        command.Act(json, async (result, cancel) =>
        {
            int n = result.GetValue(seconds);
            if (n is < 1 or > SecondsMax)
                throw new VmPodException(ExitCode.Usage, $"--seconds is 1 to {SecondsMax}.");
            IReadOnlyList<PodInReach> pods = await PodsInReach.LookAsync(TimeSpan.FromSeconds(n), cancel);
            Console.Out.WriteLine(result.GetValue(json) ? JsonSerializer.Serialize(pods, HostGuardJson.Default.IReadOnlyListPodInReach)
                : pods.Count == 0 ? "No paired pod is in reach."
                : string.Join("\n", pods.Select(p => string.Create(CultureInfo.InvariantCulture,
                    $"{p.Name}: {p.Addresses[0]} on {string.Join(", ", p.Links)}, seen since {p.SeenSince.ToLocalTime():HH:mm:ss}"))));
        });
        return command;
    }
}
