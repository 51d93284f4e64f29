namespace VmPod.Vault.Images;

/// <summary>Saying something in passing.</summary>
internal static class BatchExtensions
{
    /// <summary>Does something with a value and gives it back.</summary>
    public static T Also<T>(this T value, Action<T> action)
    {
        action(value);
        return value;
    }
}
