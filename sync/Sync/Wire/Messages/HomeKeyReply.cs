namespace VmPod.Sync.Wire;

/// <summary>HOME_KEY: a home host's own key, 32 bytes. It is no part of any object: it stays in the frame, and is lent as a span.</summary>
public static class HomeKeyReply
{
    /// <summary>The key in a body. False unless the body is it.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out ReadOnlySpan<byte> key)
    {
        key = body.Length == WireRule.KeyBytes ? body : default;
        return !key.IsEmpty;
    }
}
