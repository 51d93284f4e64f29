using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using VmPod.Benchmarks.Report;
using VmPod.Foundation.Processes;

namespace VmPod.Benchmarks.Disk;

/// <summary>`qemu-img bench` in a jail as hostguard's QEMU has one: another uid, own namespaces, nothing in its root but the program and the disk. It is
/// QEMU's own block layer, without a guest's CPU in between: emulated, that would be all one measures.</summary>
internal static partial class JailedBench
{
    /// <summary>The uid that it runs under.</summary>
    public const uint Uid = 61744;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    /// <summary>A file as QEMU opens the session's disk, and where the jail has it.</summary>
    public const string RawFile = "driver=raw,cache.direct=on,file.driver=file,file.filename=/disk,file.aio=threads,file.cache.direct=on";

    /// <summary>NBD over the descriptor that the jailed process inherits.</summary>
    public const string InheritedNbd = "driver=raw,cache.direct=on,file.driver=nbd,file.server.type=fd,file.server.str=3,file.cache.direct=on";

    /// <summary>Runs it.</summary>
    /// <param name="image">Options of the image.</param>
    /// <param name="file">File that the jail has as /disk.</param>
    /// <param name="socket">Descriptor that it inherits as number 3.</param>
    /// <param name="load">What it does.</param>
    /// <returns>The time of the requests alone by qemu-img's clock, and CPU of it and of this process together.</returns>
    public static Timing Run(string image, string? file, SafeHandle? socket, DiskLoad load)
    {
        List<string> arguments =
        [
            "--reuid", $"{Uid}", "--regid", $"{Uid}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs",
            Executables.Require("bwrap", "bubblewrap"), "--unshare-all", "--die-with-parent", "--new-session", "--as-pid-1",
            "--cap-drop", "ALL", "--clearenv",
            "--ro-bind", Executables.Require("qemu-img", "qemu-utils"), "/qemu-img",
            "--ro-bind", "/usr/lib", "/usr/lib", "--ro-bind-try", "/usr/lib64", "/usr/lib64",
            "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
            "--dev-bind", "/dev/null", "/dev/null", "--dev-bind", "/dev/urandom", "/dev/urandom",
            .. file is null ? (string[])[] : ["--bind", file, "/disk"],
            "--remount-ro", "/", "--chdir", "/", "--",
            "/qemu-img", "bench", "--image-opts", "-t", "none",
            "-c", Text(load.Count), "-d", Text(load.Depth), "-s", Text(load.Bytes), "-S", Text(load.Step),
            .. load.IsWrite ? (string[])["-w"] : [], image,
        ];
        string output = "";
        Timing all = Timing.Of(() =>
        {
            using ChildProcess child = ChildProcess.Start(Executables.Require("setpriv", "util-linux"), arguments, socket is null ? [] : [socket]);
            if (!child.Exited.Wait(Limit) || child.Exited.Result != 0)
                throw new InvalidOperationException($"qemu-img bench failed: {child.Output.Tail()}");
            output = child.Output.Tail();
        });
        Match time = Completed().Match(output);
        return new Timing(double.Parse(time.Groups[1].ValueSpan, CultureInfo.InvariantCulture), all.CpuS);
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"Run completed in ([0-9.]+) seconds")]
    private static partial Regex Completed();
}
