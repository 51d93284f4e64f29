namespace VmPod.Secrets;

/// <summary>One slot of one block: who has it owns its bytes until <see cref="SecretArena.Return"/>.</summary>
internal readonly record struct SecretSlot(SecretBlock Block, int Index)
{
    /// <summary>Where the slot starts.</summary>
    internal nint Address => Block.AddressOf(Index);
}
