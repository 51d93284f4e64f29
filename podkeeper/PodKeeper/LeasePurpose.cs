namespace VmPod.PodKeeper;

/// <summary>What a session's keys are taken for; the audit log says it before they are.</summary>
public enum LeasePurpose
{
    /// <summary>Files are put into the session.</summary>
    Put,

    /// <summary>Files are taken out of it.</summary>
    Get,

    /// <summary>Labels of its generations are read.</summary>
    List,

    /// <summary>All of it is opened and decoded, and nothing kept.</summary>
    Verify,

    /// <summary>A lease that a crash left open is taken up, to be ended.</summary>
    Release,

    /// <summary>A machine is taken in as a new session.</summary>
    Adopt,

    /// <summary>A machine is started from power-on.</summary>
    Boot,

    /// <summary>A machine goes on from a generation.</summary>
    Resume,

    /// <summary>A commit that is pending is looked into.</summary>
    Check,

    /// <summary>Its newest generation is stored anew.</summary>
    House,

    /// <summary>A fork is compared with it, and nothing kept.</summary>
    Compare,

    /// <summary>A fork of it becomes a session of its own.</summary>
    Keep,
}
