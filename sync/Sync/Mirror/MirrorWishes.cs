namespace VmPod.Sync.Mirror;

/// <summary>How a mirror is to be brought up to date.</summary>
[Flags]
public enum MirrorWishes : byte
{
    /// <summary>As usual.</summary>
    None = 0,

    /// <summary>Change nothing.</summary>
    Dry = 2,

    /// <summary>Hash what is there: what is damaged counts as not there, and is sent again.</summary>
    Check = 4,
}
