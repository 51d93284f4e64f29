using System.Security.Cryptography;

namespace VmPod.Testing;

/// <summary>The guest's witness, taken before a suspend and after a resume, and the judgement over the two.</summary>
/// <param name="Value">The chain.</param>
/// <param name="Heap">The heap.</param>
/// <remarks>The judge trusts no word of the guest about the chain: it computes the chain itself from its beginning. What it does take from the guest is
/// the heap's sum, but compared with the sum that was told before the suspend.</remarks>
public sealed record Witness(WitnessValue Value, GuestHeap Heap)
{
    private const double StepSeconds = 0.02;

    /// <summary>Steps that a chain may have: a guest of 20 days. A longer one is a guest that lies, and would only cost time.</summary>
    private const long StepsMax = 100_000_000;

    /// <summary>Clocks are read a moment before or after the step they belong to.</summary>
    private const double SlackSeconds = 0.5;

    /// <summary>Asks the guest for both parts. Reading the heap takes about a second of emulated CPU.</summary>
    public static async Task<Witness> TakeAsync(GuestAgent agent, CancellationToken cancellation = default)
    {
        WitnessValue value = await agent.PingAsync(cancellation: cancellation);
        return new Witness(value, await agent.HeapAsync(cancellation: cancellation));
    }

    /// <summary>Judges the guest's state after a resume against the one before the suspend.</summary>
    /// <param name="before">Taken before the suspend.</param>
    /// <param name="after">Taken after the resume.</param>
    /// <param name="ranAtMost">The time that the vCPUs can have run in between, on the host's clock.</param>
    public static WitnessVerdict Judge(Witness before, Witness after, TimeSpan ranAtMost)
    {
        var reasons = new List<string>();
        (WitnessValue old, WitnessValue now) = (before.Value, after.Value);
        if (old.Steps is < 0 or > StepsMax || now.Steps is < 0 or > StepsMax)
            return new WitnessVerdict(["the number of steps is beyond belief"]);
        if (now.Steps <= old.Steps)
            reasons.Add($"the chain did not advance: {old.Steps} steps, then {now.Steps}");
        (string hashOld, string hashNow) = ChainAt(old.Steps, now.Steps);
        if (hashOld != old.Hash)
            reasons.Add($"the chain before the suspend is not the chain of {old.Steps} steps");
        if (hashNow != now.Hash)
            reasons.Add($"the chain is not the chain of {now.Steps} steps");
        if (now.Pid != old.Pid)
            reasons.Add($"another process answers: pid {old.Pid}, then {now.Pid}");
        double ran = now.MonotonicSeconds - old.MonotonicSeconds;
        if (ran < 0)
            reasons.Add($"the monotonic clock went back by {-ran:F3} s");
        if (ran > ranAtMost.TotalSeconds + SlackSeconds)
            reasons.Add($"the monotonic clock advanced by {ran:F3} s in at most {ranAtMost.TotalSeconds:F3} s");
        if (now.Steps - old.Steps > ((ran + SlackSeconds) / StepSeconds))
            reasons.Add($"{now.Steps - old.Steps} steps in {ran:F3} s are more than one each 20 ms");
        if (!before.Heap.Ok)
            reasons.Add("the heap was altered before the suspend");
        if (!after.Heap.Ok)
            reasons.Add("the heap is altered");
        if (after.Heap.Sum != before.Heap.Sum)
            reasons.Add("the heap is another heap");
        return new WitnessVerdict(reasons);
    }

    private static (string First, string Second) ChainAt(long first, long second)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData("vmpod"u8, hash);
        string hashFirst = "", hashSecond = "";
        for (long n = 0; ; n++)
        {
            if (n == first)
                hashFirst = Convert.ToHexStringLower(hash);
            if (n == second)
                hashSecond = Convert.ToHexStringLower(hash);
            if (n >= first && n >= second)
                return (hashFirst, hashSecond);
            SHA256.HashData(hash, hash);
        }
    }
}
