using VmPod.HostGuard.Commands;

if (args is ["session-run"])
    return await SessionProcess.RunAsync();
if (args is ["watchdog", ..])
    return Watchdog.Run();
return await HostGuardCommands.Build().Parse(args).InvokeAsync();
