namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>What went wrong.</summary>
/// <param name="Code">The exit code.</param>
/// <param name="Message">One sentence.</param>
/// <param name="Hint">What to do next, or null.</param>
internal sealed record ErrorDetail(int Code, string Message, string? Hint);
