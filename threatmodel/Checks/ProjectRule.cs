namespace VmPod.ThreatModel.Checks;

/// <summary>What one project may know.</summary>
/// <param name="Name">The project.</param>
/// <param name="Projects">The projects that it may reference, itself or through others.</param>
/// <param name="Packages">The packages that it may reference itself.</param>
/// <param name="ForbiddenWords">Names of APIs that its sources must not use, as a regular expression; empty for none.</param>
/// <param name="Reason">Why, in a sentence: it is what a violation says.</param>
public sealed record ProjectRule(string Name, string[] Projects, string[] Packages, string ForbiddenWords, string Reason);
