using VmPod.Vault.Format;

namespace VmPod.Vault.Sessions;

/// <summary>A commit that another one takes the place of, and that is forgotten together with that being written.</summary>
/// <param name="Session">Its session: not always the one that is written to (a fork that becomes a session of its own).</param>
/// <param name="Offset">Where its entry stands in the log.</param>
/// <param name="Hash">The entry's hash.</param>
internal readonly record struct SupersededCommit(SessionHandle Session, long Offset, Digest Hash);
