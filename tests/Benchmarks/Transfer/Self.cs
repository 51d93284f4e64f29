using VmPod.Testing;

namespace VmPod.Benchmarks.Transfer;

/// <summary>This program, as a process in a network namespace.</summary>
internal static class Self
{
    /// <summary>Runs it there.</summary>
    public static CliRunner In(NetNamespace space) => Inside(new CliRunner(Environment.ProcessPath!), space);

    /// <summary>Runs something else there.</summary>
    public static CliRunner Inside(CliRunner runner, NetNamespace space) =>
        runner.Inside([SystemTools.Find(space.Wrapper[0]), .. space.Wrapper.Skip(1)]);
}
