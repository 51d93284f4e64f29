namespace VmPod.Sync.Channel.Pairings;

/// <summary>Shows six digits and asks the person in front of this screen whether the other screen shows the same.</summary>
/// <param name="digits">0 to 999,999; <see cref="DigitsText.Of"/> writes them.</param>
/// <param name="timeUp">Set after <see cref="PairingLimits.AnswerMillisecondsMax"/>: a later answer counts as no.</param>
/// <returns>True for the same.</returns>
public delegate bool DigitsQuestion(int digits, CancellationToken timeUp);
