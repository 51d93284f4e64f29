namespace VmPod.Audit;

/// <summary>The first place where a log is not what was signed.</summary>
/// <param name="Entry">Number of the entry; null if it is the checkpoint.</param>
/// <param name="What">What is wrong, as a sentence that names the entry.</param>
public sealed record AuditBreak(long? Entry, string What);
