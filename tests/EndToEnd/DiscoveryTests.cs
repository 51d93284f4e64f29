using System.Text;
using System.Text.Json;
using VmPod.Testing;
using Xunit;

namespace VmPod.EndToEnd;

/// <summary>Pods that are found without their address, as a user types it: a served pod in one network namespace, its host in another.</summary>
public sealed class DiscoveryTests(BasePod pod)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Fact]
    [Trait("Spec", "S-100")]
    [Trait("Spec", "S-117")]
    public async Task A_paired_pod_is_listed_and_found_without_its_address_locked_or_not_and_a_stranger_sees_none()
    {
        await using ServedPod served = await ServedPod.StartAsync(pod);
        _ = await served.OnPodAsync("lock", served.Pod);
        JsonElement one = Assert.Single(await PodsAsync(served.Host, 1));
        Assert.Equal((NetPair.PodAddress, 7413), (one.GetProperty("address").GetString(), one.GetProperty("port").GetInt32()));
        Assert.Equal($"{NetPair.PodAddress}:7413", one.GetProperty("addresses")[0].GetString());
        Assert.Equal("host0", one.GetProperty("links")[0].GetString());
        Assert.Empty((await served.Host.RunAsync(["residues", "--hand-in", "auto"])).EnumerateArray());
        await SaysHowItUsesItsLinksAsync(served.Host);
        using var folder = new TempFolder(inRam: true);
        var stranger = new TestHost(folder["stranger"], "auto", null, served.Net.Host.Wrapper);
        CliResult none = (await stranger.TryWithPodAsync(["resume", "base"])).MustEndWith(3);
        Assert.Equal("No paired pod is in reach.", none.Json.GetProperty("error").GetProperty("message").GetString());
    }

    [Fact]
    [Trait("Spec", "S-117")]
    [Trait("Spec", "S-100")]
    public async Task Two_paired_pods_in_reach_are_not_chosen_between_and_one_that_says_nothing_is_not_found()
    {
        await using ServedPod served = await ServedPod.StartAsync(pod);
        using var folder = new TempFolder(inRam: true);
        CliRunner other = served.InPod(CliRunner.PodKeeper);
        await File.WriteAllBytesAsync(folder["pin"], BasePod.Passphrase);
        File.SetUnixFileMode(folder["pin"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        (await other.RunAsync(["init", folder["other"], "--argon-memory", "8", "--pin-file", folder["pin"], "--json"])).MustSucceed();
        string[] serve = ["serve", folder["other"], "--listen", "0.0.0.0:7420", "--json"];
        await using (CliProcess server = other.Start(serve))
        {
            await server.WaitForTextAsync("\"ready\":true", Limit);
            await using CliProcess desk = other.Start(["pair", folder["other"], "--role", "home", "--json"]);
            byte[] code = Encoding.ASCII.GetBytes(JsonDocument.Parse(await desk.WaitForLineAsync(Limit)).RootElement.GetProperty("code").GetString()!);
            await File.WriteAllBytesAsync(folder["code"], code);
            File.SetUnixFileMode(folder["code"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
            _ = await served.Host.RunAsync(["pair", "--code-file", folder["code"]]);
            (await desk.WaitAsync(Limit)).MustSucceed();
            JsonElement[] two = await PodsAsync(served.Host, 2);
            Assert.Equal([7413, 7420], two.Select(p => p.GetProperty("port").GetInt32()).Order());
            // What was said to the last question is not said again within a second.
            await Task.Delay(TimeSpan.FromSeconds(1.2), TestContext.Current.CancellationToken);
            CliResult several = (await served.Host.TryAsync(["residues", "--hand-in", "auto"])).MustEndWith(2);
            Assert.Contains(":7420", several.Json.GetProperty("error").GetProperty("hint").GetString(), StringComparison.Ordinal);
            server.Signal(15);
            (await server.WaitAsync(Limit)).MustSucceed();
        }
        await using CliProcess silent = other.Start([.. serve, "--no-announce"]);
        await silent.WaitForTextAsync("\"ready\":true", Limit);
        JsonElement one = Assert.Single(await PodsAsync(served.Host, 1));
        Assert.Equal(7413, one.GetProperty("port").GetInt32());
    }

    private static async Task SaysHowItUsesItsLinksAsync(TestHost host)
    {
        Assert.False((await host.RunAsync(["link"])).TryGetProperty("send_mbit", out _));
        _ = await host.RunAsync(["link", "--send-limit", "8", "--metered", "wwan0", "usb0"]);
        JsonElement said = await host.RunAsync(["link"]);
        Assert.Equal((8, "usb0", "wwan0"), (said.GetProperty("send_mbit").GetInt32(), said.GetProperty("metered")[0].GetString(),
            said.GetProperty("metered")[1].GetString()));
        (await host.TryAsync(["link", "--send-limit", "1"])).MustEndWith(2);
        // A link with a limit is a link.
        Assert.Empty((await host.RunAsync(["residues", "--hand-in", "auto"])).EnumerateArray());
        said = await host.RunAsync(["link", "--send-limit", "none", "--metered", "none"]);
        Assert.Equal((false, 0), (said.TryGetProperty("send_mbit", out _), said.GetProperty("metered").GetArrayLength()));
    }

    // A pod that was paired a moment ago is announced anew within a second, and asks for its names for another.
    private static async Task<JsonElement[]> PodsAsync(TestHost host, int count)
    {
        JsonElement[] pods = [];
        for (int tries = 0; tries < 60 && pods.Length != count; tries++)
            pods = [.. (await host.RunAsync(["pods", "--seconds", "1"])).EnumerateArray()];
        return pods;
    }
}
