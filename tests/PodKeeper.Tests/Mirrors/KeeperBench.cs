using System.Diagnostics;
using System.Text.Json;
using VmPod.PodKeeper.Tests.Cli;
using VmPod.PodKeeper.Tests.Serving;
using Xunit;

namespace VmPod.PodKeeper.Tests.Mirrors;

/// <summary>A pod with content, and another one, locked and served, that keeps mirrors.</summary>
internal sealed class KeeperBench : IDisposable
{
    internal KeeperBench(int bytes = 300_000)
    {
        Bench = new MirrorBench(bytes);
        PodKeeperProgram.Run("init", Keeper, "--argon-memory", "8", "--pin-file", Bench.Temp["pin"]).Expect(0);
        Server = new ServedProgram(Keeper, null, "--no-announce");
    }

    internal MirrorBench Bench { get; }

    internal string Keeper => Bench.Temp["keeper"];

    internal ServedProgram Server { get; private set; }

    internal string At => $"pod://{Server.Address}";

    internal string CodeFile => Bench.Temp["code"];

    /// <summary>The folders of the copies, by name.</summary>
    internal string[] Copies => [.. Directory.GetDirectories(Path.Combine(Keeper, "mirrors")).Order(StringComparer.Ordinal)];

    /// <summary>Serves it, anew if it was.</summary>
    internal void Serve(params string[] more)
    {
        Server.Dispose();
        Server = new ServedProgram(Keeper, null, ["--no-announce", .. more]);
    }

    /// <summary>The keeping pod is opened for a pairing, and its code is in <see cref="CodeFile"/>.</summary>
    /// <returns>The command that waits; it prints what was paired.</returns>
    internal Process Open(params string[] more)
    {
        Process pair = PodKeeperProgram.Start([], ["pair", Keeper, "--listen", "127.0.0.1:0", "--json", .. more]);
        string? shown = pair.StandardOutput.ReadLine();
        Assert.True(shown is not null, shown is null ? pair.StandardError.ReadToEnd() : "");
        File.WriteAllText(CodeFile, JsonDocument.Parse(shown!).RootElement.GetProperty("code").GetString());
        File.SetUnixFileMode(CodeFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return pair;
    }

    /// <summary>Pairs the pod with the keeping one, and makes its first mirror.</summary>
    /// <returns>What the keeping pod said, and what the other one did.</returns>
    internal (JsonElement Kept, JsonElement Mirrored) PairAndMirror()
    {
        Process pair = Open("--role", "mirror");
        JsonElement mirrored = MirrorBench.Run("mirror", Bench.Pod, At, "--pair", "--code-file", CodeFile).Expect(0).Json;
        return (PodKeeperProgram.Finish(pair).Expect(0).Json, mirrored);
    }

    public void Dispose()
    {
        Server.Dispose();
        Bench.Dispose();
    }
}
