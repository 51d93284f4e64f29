namespace VmPod.Foundation;

/// <summary>
/// Bad luck or bad input, told to a person: what happened, and what to do next.
/// </summary>
/// <remarks>
/// How errors travel in VmPod. Three kinds, never mixed:
/// a <b>bug</b> throws at once (ArgumentException, InvalidOperationException) and ends as exit code 1;
/// a <b>refusal that is part of the work</b> (a record that does not authenticate) is a return value: Try… returns false;
/// <b>bad luck and bad input</b> (disk, link, damaged file, wrong secret) is this exception, which carries its exit code.
/// The message is one sentence without secrets, paths of temporary files or stack traces; the hint says what to do next.
/// </remarks>
public class VmPodException : Exception
{
    /// <summary>Creates the error with what happened and, if it can be said, what to do next.</summary>
    public VmPodException(ExitCode exitCode, string message, string? hint = null, Exception? innerException = null)
        : base(message, innerException)
    {
        ExitCode = exitCode;
        Hint = hint;
    }

    /// <summary>How the command ends.</summary>
    public ExitCode ExitCode { get; }

    /// <summary>What to do next, or null.</summary>
    public string? Hint { get; }
}
