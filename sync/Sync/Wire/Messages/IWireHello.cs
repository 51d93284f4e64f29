namespace VmPod.Sync.Wire;

/// <summary>The HELLO of a side.</summary>
public interface IWireHello : IWireMessage
{
    /// <summary>Who says it.</summary>
    WireRole Role { get; }

    /// <summary>The versions that it speaks.</summary>
    WireVersions Versions { get; }
}
