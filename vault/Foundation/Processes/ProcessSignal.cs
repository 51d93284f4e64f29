namespace VmPod.Foundation.Processes;

/// <summary>The signals VmPod sends, by their Linux numbers (the same on x86-64 and arm64).</summary>
public enum ProcessSignal
{
    /// <summary>Asks whether the process is there; does nothing.</summary>
    None = 0,

    /// <summary>Ends the process; it cannot refuse.</summary>
    Kill = 9,

    /// <summary>Asks the process to end.</summary>
    Terminate = 15,

    /// <summary>Lets a stopped process go on.</summary>
    Continue = 18,

    /// <summary>Stops all threads of the process; it cannot refuse.</summary>
    Stop = 19,
}
