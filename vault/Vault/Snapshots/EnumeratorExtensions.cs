namespace VmPod.Vault.Snapshots;

/// <summary>An enumerator as a function.</summary>
internal static class EnumeratorExtensions
{
    /// <summary>The next item, or null at the end.</summary>
    public static T? Next<T>(this IEnumerator<T?> enumerator)
        where T : class => enumerator.MoveNext() ? enumerator.Current : null;
}
