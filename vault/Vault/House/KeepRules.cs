using System.Globalization;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.Vault.House;

/// <summary>Which generations a thinning keeps. A generation stays if any rule keeps it; what must stay anyway (V-166) is not theirs to say.</summary>
/// <param name="Last">The newest so many.</param>
/// <param name="Daily">The newest of each of the newest so many days on which there is one (UTC).</param>
/// <param name="Weekly">The newest of each of the newest so many weeks (ISO 8601, UTC) in which there is one.</param>
public sealed record KeepRules(int Last, int Daily, int Weekly)
{
    /// <summary>True if no rule keeps anything.</summary>
    public bool AreEmpty => Last <= 0 && Daily <= 0 && Weekly <= 0;

    /// <summary>Those that the rules keep. Times are what the writers' clocks said.</summary>
    /// <param name="generations">Oldest first.</param>
    public HashSet<ulong> Keep(IReadOnlyList<GenerationInfo> generations)
    {
        var kept = new HashSet<ulong>();
        // What was refused is none that anybody could want back.
        GenerationInfo[] newestFirst = [.. generations.Where(g => g.Trust != CommitTrust.Refused).Reverse()];
        kept.UnionWith(newestFirst.Take(Math.Max(0, Last)).Select(g => g.Record.Generation));
        kept.UnionWith(newestFirst.DistinctBy(g => DayOf(g).DayNumber).Take(Math.Max(0, Daily)).Select(g => g.Record.Generation));
        kept.UnionWith(newestFirst.DistinctBy(g => WeekOf(DayOf(g))).Take(Math.Max(0, Weekly)).Select(g => g.Record.Generation));
        return kept;
    }

    private static DateOnly DayOf(GenerationInfo generation) => DateOnly.FromDateTime(GenerationKinds.TimeOf(generation.Record.TimeMs).UtcDateTime);

    private static (int Year, int Week) WeekOf(DateOnly day)
    {
        DateTime date = day.ToDateTime(TimeOnly.MinValue);
        return (ISOWeek.GetYear(date), ISOWeek.GetWeekOfYear(date));
    }
}
