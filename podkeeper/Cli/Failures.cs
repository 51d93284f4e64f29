using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;

namespace VmPod.PodKeeper.Cli;

/// <summary>Tells a person, or a program, what went wrong, without secrets, and says how the command ends.</summary>
internal static class Failures
{
    private const string DebugVariable = "VMPOD_DEBUG";

    /// <summary>Reports an exception.</summary>
    internal static int Report(bool json, Exception e)
    {
        Exception cause = CauseOf(e);
        ErrorDetail detail = DetailOf(cause);
        int code = Report(json, detail.Code, detail.Message, detail.Hint);
        if (Environment.GetEnvironmentVariable(DebugVariable) == "1")
            Console.Error.WriteLine($"{cause.GetType()}\n{cause.StackTrace}");
        return code;
    }

    /// <summary>What is said of an exception.</summary>
    internal static ErrorDetail DetailOf(Exception e) => CauseOf(e) switch
    {
        OperationCanceledException => new(CommandLine.Cancelled, "Cancelled: the vault is as it was.", null),
        VmPodException known => new((int)known.ExitCode, known.Message, known.Hint),
        IOException io when Libc.IsNoSpace(io) => new((int)ExitCode.NoSpace, "There is no space left.", "Free some space, then try again."),
        Exception io when io is UnauthorizedAccessException or IOException => new((int)CodeOf(io), Sentence(io.Message), null),
        // The message is left out: nobody has looked at it for secrets.
        Exception bug => new((int)ExitCode.Bug,
            $"This is a bug in VmPod ({bug.GetType().Name}). The vault is safe: it changes only by whole commits.",
            $"Please report it, with what {DebugVariable}=1 prints."),
    };

    /// <summary>Reports what is known of an error.</summary>
    internal static int Report(bool json, int code, string message, string? hint)
    {
        if (json)
        {
            Output.Print(new ErrorReply(new ErrorDetail(code, message, hint)), ReplyJson.Default.ErrorReply);
            return code;
        }
        Console.Error.WriteLine($"podkeeper: {message}");
        if (hint is not null)
            Console.Error.WriteLine($"  {hint}");
        return code;
    }

    private static Exception CauseOf(Exception e) => e is AggregateException many ? many.InnerExceptions[0] : e;

    // errno is the HResult, in Libc's exceptions and in .NET's.
    private static ExitCode CodeOf(Exception e)
    {
        const int EPERM = 1, ENOENT = 2, EACCES = 13, EROFS = 30;
        return e is UnauthorizedAccessException || e.HResult is EPERM or EACCES or EROFS ? ExitCode.Refused
            : e is FileNotFoundException or DirectoryNotFoundException || e.HResult == ENOENT ? ExitCode.NotFound
            : ExitCode.Damaged;
    }

    private static string Sentence(string message) => message.EndsWith('.') ? message : message + ".";
}
