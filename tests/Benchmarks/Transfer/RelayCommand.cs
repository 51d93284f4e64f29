using System.CommandLine;
using System.Globalization;
using System.Net;
using VmPod.Testing;

namespace VmPod.Benchmarks.Transfer;

/// <summary>The relay of a <see cref="ShapedLink"/> as a process of its own, since it stands in a namespace of its own.</summary>
internal static class RelayCommand
{
    private const string Verb = "transfer-relay", Ready = "relaying";

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    /// <summary>The hidden command that is the process.</summary>
    public static System.CommandLine.Command Command()
    {
        var delay = new Argument<int>("MS");
        var ports = new Argument<int[]>("PORT") { Arity = ArgumentArity.OneOrMore };
        var command = new System.CommandLine.Command(Verb, "The relay of `bench transfer`.") { delay, ports };
        command.Hidden = true;
        command.SetAction(result =>
        {
            List<DelayRelay> relays = [.. result.GetRequiredValue(ports).Select(port => new DelayRelay(
                new IPEndPoint(IPAddress.Parse(ShapedLink.RelayAddress), port), new IPEndPoint(IPAddress.Parse(ShapedLink.PodAddress), port),
                TimeSpan.FromMilliseconds(result.GetRequiredValue(delay)), cut: e => Console.Error.WriteLine($"{port}: {e.Message}")))];
            Console.Out.WriteLine(Ready);
            // Until it is killed, or whoever started it is gone.
            while (Console.In.Read() >= 0)
            {
            }
            foreach (DelayRelay relay in relays)
                relay.Dispose();
        });
        return command;
    }

    /// <summary>Starts it between the two ends of a link.</summary>
    public static async Task<CliProcess> StartAsync(ShapedLink link, int delayMs, params int[] ports)
    {
        CliProcess relay = Self.In(link.Between).Start([Verb, .. ports.Prepend(delayMs).Select(n => n.ToString(CultureInfo.InvariantCulture))]);
        await relay.WaitForLineAsync(StartLimit);
        return relay;
    }
}
