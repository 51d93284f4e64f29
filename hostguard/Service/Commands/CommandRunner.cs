using System.CommandLine;
using System.Text.Json;
using VmPod.Foundation;
using VmPod.HostGuard.Control;

namespace VmPod.HostGuard.Commands;

/// <summary>Runs a verb and turns what it throws into one line, a hint and the exit code of the table.</summary>
internal static class CommandRunner
{
    // What a shell reports for a program that Ctrl-C ended.
    private const int CancelledExitCode = 130;

    /// <summary>Gives the verb its action.</summary>
    public static void Act(this Command command, Option<bool> json, Func<ParseResult, CancellationToken, Task> action) =>
        command.SetAction(async (result, cancel) =>
        {
            try
            {
                await action(result, cancel);
                return (int)ExitCode.Done;
            }
            catch (VmPodException e)
            {
                return Fail(result.GetValue(json), (int)e.ExitCode, e.Message, e.Hint);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return Fail(result.GetValue(json), CancelledExitCode, "Cancelled.", null);
            }
            catch (Exception e)
            {
                return Fail(result.GetValue(json), (int)ExitCode.Bug, $"A bug in hostguard: {e.GetType().Name}: {e.Message}",
                    "Please report it, with what you did.");
            }
        });

    private static int Fail(bool json, int code, string message, string? hint)
    {
        if (json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(new ErrorReply(new ErrorBody(code, message, hint)), HostGuardJson.Default.ErrorReply));
            return code;
        }
        Console.Error.WriteLine($"hostguard: {message}");
        if (hint is not null)
            Console.Error.WriteLine($"  {hint}");
        return code;
    }
}
