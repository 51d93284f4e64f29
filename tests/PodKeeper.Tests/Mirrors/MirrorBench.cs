using System.Security.Cryptography;
using VmPod.PodKeeper.Tests.Cli;
using VmPod.Testing;

namespace VmPod.PodKeeper.Tests.Mirrors;

/// <summary>A pod with recovery words and a session, as a person makes them, and places for mirrors.</summary>
internal sealed class MirrorBench : IDisposable
{
    internal const string Session = "work";

    internal MirrorBench(int bytes = 300_000)
    {
        Secret("pin", "the passphrase of this test");
        Secret("new", "another passphrase of this test");
        PodKeeperProgram.Run("init", Pod, "--argon-memory", "8", "--words-file", Temp["words"], "--pin-file", Temp["pin"]).Expect(0);
        Temp.Sub("files");
        Put(bytes);
    }

    internal TempFolder Temp { get; } = new(inRam: true);

    internal string Pod => Temp["pod"];

    internal string Mirror => Temp["mirror"];

    /// <summary>What the session's newest generation holds.</summary>
    internal byte[] Content { get; private set; } = [];

    /// <summary>Puts a new generation of bytes that do not compress.</summary>
    internal void Put(int bytes, string? pod = null)
    {
        Content = RandomNumberGenerator.GetBytes(bytes);
        File.WriteAllBytes(Temp["files", "disk.raw"], Content);
        PodKeeperProgram.Run("put", pod ?? Pod, Session, Temp["files"], "--pin-file", Temp["pin"]).Expect(0);
    }

    internal static PodKeeperProgram.Result Run(params string[] arguments) => PodKeeperProgram.Run([.. arguments, "--json"]);

    /// <summary>The pod is gone, and is made again from a mirror and its words; it must have the newest content.</summary>
    internal void MustComeBack(string from, params string[] options)
    {
        string back = Temp["back"];
        Run(["restore", from, back, .. options]).Expect(0);
        Run("recover", back, "--words-file", Temp["words"], "--pin-file", Temp["new"], "--argon-memory", "8").Expect(0);
        Run("get", back, Session, Temp["out"], "--pin-file", Temp["new"]).Expect(0);
        Xunit.Assert.Equal(Content, File.ReadAllBytes(Temp["out", "disk.raw"]));
        Run("verify", back, "--deep", "--pin-file", Temp["new"]).Expect(0);
        Run("audit", "verify", back).Expect(0);
    }

    /// <summary>Every file of a folder, by its name.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="without">A folder in it that is left out: what a server has locked.</param>
    internal static SortedDictionary<string, string> Look(string folder, string? without = null)
    {
        var all = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string path in Directory.GetFiles(folder, "*", SearchOption.AllDirectories))
        {
            string name = Path.GetRelativePath(folder, path);
            if (Path.GetFileName(path) is not ("lock" or "mirror") && (without is null || !name.StartsWith(without, StringComparison.Ordinal)))
                all[name] = Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)));
        }
        return all;
    }

    internal static void Copy(string from, string to)
    {
        foreach (string folder in Directory.GetDirectories(from, "*", SearchOption.AllDirectories).Prepend(from))
            Directory.CreateDirectory(Path.Combine(to, Path.GetRelativePath(from, folder)));
        foreach (string file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
            File.Copy(file, Path.Combine(to, Path.GetRelativePath(from, file)), overwrite: true);
    }

    public void Dispose() => Temp.Dispose();

    private void Secret(string name, string text)
    {
        File.WriteAllText(Temp[name], text);
        File.SetUnixFileMode(Temp[name], UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }
}
