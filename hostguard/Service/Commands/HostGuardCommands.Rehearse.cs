using System.CommandLine;
using VmPod.Foundation;
using VmPod.HostGuard.Control;
using VmPod.HostGuard.Pods;
using VmPod.HostGuard.Session;
using VmPod.Secrets;

namespace VmPod.HostGuard.Commands;

/// <content>rehearse: a resume whose only purpose is the next one.</content>
internal static partial class HostGuardCommands
{
    private static Command Rehearse()
    {
        var session = new Argument<string>("SESSION");
        var command = new Command("rehearse", "Resume a session for some seconds, keep what it read first together on the pod, and nothing that it wrote: "
            + "on a fast network, so that a resume over a slow one waits for less.")
        {
            session, PodOption, PinFile, Emulation,
        };
        command.Act(Json, async (result, cancel) =>
        {
            string name = result.GetValue(session)!;
            PodAddress pod = await PodAddress.FindAsync(result.GetValue(PodOption)!, cancel);
            using SecretBuffer? passphrase = Passphrase(result, pod);
            HandIn.Quietly(pod, TimeProvider.System, text => Console.Error.WriteLine(text), cancel);
            var request = new SessionRequest
            {
                Pod = pod.Text,
                Session = name,
                IsRehearsal = true,
                AllowEmulation = result.GetValue(Emulation),
                RunFolder = RunFolders.Make(name),
                GraceMs = 0,
                PassphraseFollows = passphrase is not null,
            };
            _ = await SessionStarter.StartAsync(request, passphrase, cancel);
            ControlReply reply;
            try
            {
                reply = await ControlClient.AskAsync(name, new ControlRequest { Verb = "rehearse" }, cancel);
            }
            catch (OperationCanceledException)
            {
                try
                {
                    _ = await ControlClient.AskAsync(name, new ControlRequest { Verb = "leave" }, CancellationToken.None);
                }
                catch (VmPodException)
                {
                    // It ended in the meantime, by itself.
                }
                throw;
            }
            SessionResult done = reply.Result!;
            Show(result, reply, HostGuardJson.Default.ControlReply, done.BytesAdded == 0
                ? $"{name}: what it reads first is together already. Generation {done.Generation} stays the newest."
                : $"{name}: what it reads first is together in generation {done.Generation}, of the same content ({done.BytesAdded >> 10} KiB to the pod).");
        });
        return command;
    }
}
