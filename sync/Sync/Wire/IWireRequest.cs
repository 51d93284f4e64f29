namespace VmPod.Sync.Wire;

/// <summary>A request of a host, which says the type of its reply.</summary>
public interface IWireRequest<TReply> : IWireMessage
    where TReply : class, IWireReply<TReply>
{
    /// <summary>Whether a reply that was read answers this very request.</summary>
    bool IsAnsweredBy(TReply reply) => true;
}
