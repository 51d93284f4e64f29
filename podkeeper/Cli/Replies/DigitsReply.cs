namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>pair --digits: a line before its object; the answer y or n is read from standard input.</summary>
internal sealed record DigitsReply(string Address, string Digits);
