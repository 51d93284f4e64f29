using System.Diagnostics;
using System.Text.RegularExpressions;
using VmPod.Audit;
using VmPod.Foundation;
using Xunit;

namespace VmPod.PodKeeper.Tests.Audit;

/// <summary>
/// The process that a fault is injected into: this test program again, running one explicit test under strace. What it was told of
/// (an Append that returned) it writes to a file, which is more than the log may say and never less.
/// </summary>
public sealed partial class AuditChild
{
    private const string FolderVariable = "VMPOD_TEST_AUDIT_CHILD";
    private const int AppendsMax = 20;

    /// <param name="ExitCode">0 if the child's test passed.</param>
    /// <param name="Calls">The calls on the log's files in their order, as "fdatasync entries".</param>
    /// <param name="Injected">How many of them were made to fail.</param>
    /// <param name="Output">What the child wrote.</param>
    internal sealed record Result(int ExitCode, List<string> Calls, int Injected, string Output);

    private static string Folder => Environment.GetEnvironmentVariable(FolderVariable)
        ?? throw new InvalidOperationException("This runs as a child only.");

    /// <summary>The number of appends that the child saw return.</summary>
    internal static long Told(TestLog test) => new FileInfo(ToldPath(test.Dir)) is { Exists: true } told ? told.Length : 0;

    [Fact(Explicit = true)]
    public void Appends_until_it_is_killed()
    {
        using var signer = new TestSigner();
        using AuditLog log = AuditLog.Create(Folder, signer, new TestClock());
        Append(log);
    }

    [Fact(Explicit = true)]
    public void The_faulty_append_throws_and_all_later_ones_are_refused()
    {
        using var signer = new TestSigner();
        using AuditLog log = AuditLog.Create(Folder, signer, new TestClock());
        var error = Assert.Throws<VmPodException>(() => Append(log));
        Assert.True(error.ExitCode is ExitCode.NoSpace or ExitCode.Damaged);
        Assert.True(log.IsPoisoned);
        byte[] before = File.ReadAllBytes(Path.Combine(Folder, "v1", "audit", "checkpoint"));
        for (int i = 0; i < 3; i++)
            Assert.Throws<VmPodException>(() => log.Append(TestLog.Released(i)));
        Assert.Equal(before, File.ReadAllBytes(Path.Combine(Folder, "v1", "audit", "checkpoint")));
    }

    /// <summary>Runs one explicit test in a process of its own, with a fault in its calls on the log's files.</summary>
    /// <param name="test">Whose folder the child works in.</param>
    /// <param name="method">The explicit test.</param>
    /// <param name="fault">What strace injects, for example "fdatasync:error=EIO:when=3"; null for nothing.</param>
    internal static Result RunUnderStrace(TestLog test, string method, string? fault)
    {
        string trace = Path.Combine(test.Dir, "trace");
        var start = new ProcessStartInfo("strace") { RedirectStandardOutput = true, RedirectStandardError = true };
        string[] paths = [test.AuditDir, test.EntriesPath, test.CheckpointPath, test.CheckpointPath + ".new"];
        string[] options = ["-f", "-y", "-qq", "-o", trace, "-e", "trace=fsync,fdatasync,pwrite64,/^rename",
            .. paths.SelectMany(path => new[] { "-P", path })];
        string[] injection = fault is null ? [] : ["-e", "inject=" + fault];
        string[] child = [Environment.ProcessPath!, "-explicit", "only", "-method", $"{typeof(AuditChild).FullName}.{method}"];
        foreach (string argument in (string[])[.. options, .. injection, .. child])
            start.ArgumentList.Add(argument);
        start.Environment[FolderVariable] = test.Dir;
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd() + errors.GetAwaiter().GetResult();
        process.WaitForExit();
        string[] lines = File.ReadAllLines(trace);
        List<string> calls = [.. lines.Select(line => Call().Match(line)).Where(m => m.Success)
            .Select(m => $"{m.Groups[1].Value} {m.Groups[2].Value}")];
        return new Result(process.ExitCode, calls,
            lines.Count(line => line.Contains("(INJECTED)", StringComparison.Ordinal)), output);
    }

    // 4711 fdatasync(98</tmp/x/v1/audit/entries>) = 0, or rename("/tmp/x/v1/audit/checkpoint.new", …
    [GeneratedRegex("""^\d+ +(\w+)\((?:\d+<|")[^>"]*/([\w.]+)[>"]""")]
    private static partial Regex Call();

    private static void Append(AuditLog log)
    {
        for (int i = 0; i < AppendsMax; i++)
        {
            log.Append(TestLog.Released(i));
            // One byte for each append that returned, in a file that no fault touches.
            File.AppendAllText(ToldPath(Folder), "x");
        }
    }

    private static string ToldPath(string dir) => Path.Combine(dir, "told");
}
