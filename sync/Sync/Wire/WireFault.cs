using System.Globalization;
using VmPod.Foundation;

namespace VmPod.Sync.Wire;

/// <summary>How a link ends, told to a person.</summary>
internal static class WireFault
{
    /// <summary>The peer broke a rule: it is not this program, or not this version of it.</summary>
    internal static VmPodException Broken(string what) => new(ExitCode.Damaged, $"The other side broke the protocol: {what}.",
        "It is not VmPod, or not this version: compare the versions of hostguard and podkeeper.");

    /// <summary>The link stands, and a request had no answer in its time.</summary>
    internal static VmPodException NoAnswer(Deadline deadline) => new(ExitCode.LinkLost,
        string.Create(CultureInfo.InvariantCulture, $"The pod gave no answer within {deadline.Time.TotalSeconds:0.#} s."),
        "It is busy, or the link is too slow: try again, or bring pod and host together again.");

    /// <summary>The same fault for one of many that wait: an exception is thrown once.</summary>
    internal static VmPodException Again(VmPodException fault) => new(fault.ExitCode, fault.Message, fault.Hint, fault);

    /// <summary>The link is gone.</summary>
    internal static VmPodException Lost(string what, Exception? inner = null) => new(ExitCode.LinkLost, $"The link was lost: {what}.",
        "Bring pod and host together again; what was committed is on the pod.", inner);
}
