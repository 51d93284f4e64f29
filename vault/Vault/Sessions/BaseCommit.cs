using VmPod.Vault.Format;

namespace VmPod.Vault.Sessions;

/// <summary>A commit as a host gets it to go on from: signed by its lease, whose certificate the owner signed.</summary>
/// <param name="Record">The record.</param>
/// <param name="Signature">The lease's signature of it, 64 bytes.</param>
/// <param name="EntryHash">Hash of its entry in the log.</param>
/// <param name="EntryOffset">Where that stands.</param>
/// <param name="Certificate">The entry of the commit's lease, as in the log.</param>
public sealed record BaseCommit(CommitRecord Record, byte[] Signature, Digest EntryHash, long EntryOffset, byte[] Certificate);
