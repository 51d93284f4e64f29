namespace VmPod.Testing;

/// <summary>The guest's own look at its heap of known content.</summary>
/// <param name="Ok">Its sum now is the sum when it was filled.</param>
/// <param name="Sum">That first sum.</param>
public sealed record GuestHeap(bool Ok, string Sum);
