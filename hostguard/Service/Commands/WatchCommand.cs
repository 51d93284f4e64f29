using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using VmPod.Foundation;
using VmPod.HostGuard.Control;
using VmPod.HostGuard.Pods;

namespace VmPod.HostGuard.Commands;

/// <summary>watch: what can be done without being asked is done as soon as a pod is in reach.</summary>
internal static class WatchCommand
{
    /// <summary>watch [--metered-link IFACE...] [--metered pause|ignore].</summary>
    public static Command Create(Option<bool> json)
    {
        var links = new Option<string[]>("--metered-link")
        {
            HelpName = "IFACE",
            Description = "A network interface that costs money by the byte, besides those of 'hostguard link'; may be given several times.",
            AllowMultipleArgumentsPerToken = true,
        };
        var metered = new Option<string>("--metered")
        {
            HelpName = "pause|ignore",
            Description = "'pause' (default): nothing is handed in over these. 'ignore': as over any other.",
            DefaultValueFactory = _ => "pause",
        };
        var command = new Command("watch", "Hand residues in as soon as their pod is in reach, until stopped; each thing done is a line.") { links, metered };
        command.Act(json, async (result, cancel) =>
        {
            string[] named = result.GetValue(links) ?? [];
            IReadOnlySet<string> avoided = result.GetValue(metered) switch
            {
                "pause" => named.Concat(LinkPolicy.Load().Metered).ToHashSet(),
                "ignore" => new HashSet<string>(),
                _ => throw new VmPodException(ExitCode.Usage, "--metered is pause or ignore."),
            };
            bool isJson = result.GetValue(json);
            await new PodWatch(avoided, notice => Console.Out.WriteLine(isJson ? JsonSerializer.Serialize(notice, HostGuardJson.Default.WatchNotice)
                : Line(notice)), TimeProvider.System).RunAsync(SystemdNotice.Ready, cancel);
            SystemdNotice.Stopping();
        });
        return command;
    }

    private static string Line(WatchNotice n) => string.Create(CultureInfo.InvariantCulture, $"{n.Time.ToLocalTime():HH:mm:ss} ") + n.Event switch
    {
        "watching" => "Watching. Ctrl-C ends it.",
        "link-up" => $"{n.Address} came up.",
        "pod-seen" => $"{n.Pod} is in reach at {n.Address}.",
        "pod-gone" => $"{n.Pod} is out of reach.",
        "residue" => $"Residue of {n.Session} for {n.Pod}: {n.State}.",
        "paused" => $"Residues for {n.Pod} wait: {n.Address}: {n.State}.",
        _ => $"Residues were not handed in to {n.Pod}: {n.State}",
    };
}
