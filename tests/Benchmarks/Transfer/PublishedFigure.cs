namespace VmPod.Benchmarks.Transfer;

/// <summary>A figure that others published: quoted, not measured here.</summary>
/// <param name="System">Which system.</param>
/// <param name="Source">Where it stands.</param>
/// <param name="Figure">What was measured there.</param>
/// <param name="Step">What comes nearest to it here.</param>
/// <param name="Mbit">Over which of our links; null for any.</param>
/// <param name="Comparable">What can be compared, and what cannot.</param>
internal sealed record PublishedFigure(string System, string Source, string Figure, TransferStep Step, int? Mbit, string Comparable)
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<PublishedFigure> All { get; } =
    [
        new("Internet Suspend/Resume", "Kozuch and Satyanarayanan, WMCSA 2002", "cold resume 125 s, 73 s compressed",
            TransferStep.ResumeCold, null, "The same step: a host that has nothing. Theirs fetched memory before it resumed, ours fetches what is "
            + "touched; their machine is more than twenty years older, and the link another one."),
        new("Internet Suspend/Resume", "the same", "warm suspend 114 to 158 s, cold suspend 146 to 158 s", TransferStep.LightSync, null,
            "The same step, without live sync before it: theirs sends memory as a whole."),
        new("Lookaside caching", "Tolia and others, FAST 2004", "a benchmark over 10 Mbit/s: 388 s, with a current copy on a portable device 283 s; "
            + "over 1 Mbit/s 1148 and 425 s", TransferStep.ResumeAgain, 11,
            "Only the idea: what stands on something that one carries need not come over the network. They time a build of a "
            + "kernel, we the first answer."),
        new("Internet Suspend/Resume, proactive", "Pervasive and Mobile Computing 2005", "resume 10 to 11 s at any bandwidth, if the state had "
            + "travelled before: 45 s at 100 Mbit/s, 90 s at 10 Mbit/s, about 14 min at 1 Mbit/s", TransferStep.ResumeAgain, 11,
            "Theirs needs the time of travel before it, ours nothing but the list of what was read first the last time."),
        new("VM synthesis", "Ha and others, Just-in-Time Provisioning, MobiSys 2013", "a machine provisioned from an overlay in 10 s",
            TransferStep.ResumeCold, null,
            "Theirs has the base image on the host already and makes a machine out of it and a delta; ours has nothing of the session on the host."),
        new("SoulPad", "Cáceres and others, MobiSys 2005", "resume 124 s, suspend 26 s, from a USB disk", TransferStep.ResumeCold, null,
            "Theirs starts the host from the disk that is carried, ours runs on a host that is on; theirs is plugged in, ours in reach of a radio."),
    ];
}
