using VmPod.Testing;

namespace VmPod.EndToEnd;

/// <summary>A copy of the base pod for one test, with a host; gone with all that runs there when disposed.</summary>
public sealed class PodCopy : IAsyncDisposable
{
    private readonly TempFolder folder = new(), inRam = new(inRam: true);

    private PodCopy(BasePod of) => PinFile = of.PinFile;

    /// <summary>The pod's folder.</summary>
    public string Pod => folder["pod"];

    /// <summary>File of the right passphrase.</summary>
    public string PinFile { get; }

    /// <summary>A folder on the disk for what the test makes.</summary>
    public TempFolder Folder => folder;

    /// <summary>A folder in RAM.</summary>
    public TempFolder InRam => inRam;

    /// <summary>The host.</summary>
    public TestHost Host { get; private set; } = null!;

    internal static async Task<PodCopy> MakeAsync(BasePod of)
    {
        var copy = new PodCopy(of);
        (await new CliRunner("/bin/cp").RunAsync(["-r", "--preserve=mode", "--sparse=always", of.Folder, copy.Pod])).MustSucceed();
        copy.Host = new TestHost(copy.inRam["run"], copy.Pod);
        return copy;
    }

    /// <summary>Resumes the base session.</summary>
    public Task<TestSession> ResumeAsync(params IReadOnlyList<string> options) => Host.StartAsync("resume", BasePod.Session, options);

    /// <summary>Boots it.</summary>
    public Task<TestSession> BootAsync(params IReadOnlyList<string> options) => Host.StartAsync("boot", BasePod.Session, options);

    /// <summary>Suspends or leaves, and waits until nothing of it runs.</summary>
    public static async Task EndAsync(TestSession session, string verb = "suspend")
    {
        IReadOnlyList<int> processes = session.Processes;
        _ = await session.EndAsync(verb);
        await TestSession.WaitUntilGoneAsync(processes, TestSession.GoneLimit);
    }

    /// <summary>kill -9 of hostguard, and everything of the session gone with it.</summary>
    public static async Task CrashAsync(TestSession session)
    {
        IReadOnlyList<int> processes = session.Processes;
        session.KillHostGuard();
        await TestSession.WaitUntilGoneAsync(processes, TestSession.GoneLimit);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Host.EndAllAsync();
        folder.Dispose();
        inRam.Dispose();
    }
}
