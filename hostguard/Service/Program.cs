using VmPod.Foundation;
using VmPod.HostGuard.Commands;

Libc.ForbidDumps();
if (args is ["session-run"])
    return await SessionProcess.RunAsync();
if (args is ["watchdog", .. var rest])
    return Watchdog.Run(rest);
return await HostGuardCommands.Build().Parse(args).InvokeAsync();
