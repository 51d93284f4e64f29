namespace VmPod.Sync.Rsync;

/// <summary>The hash that tells two blocks apart. Neither stands against somebody who wants a collision: a result is accepted by other means.</summary>
public enum BlockHash
{
    /// <summary>XXH3, 64 bits, without seed: "XXH3".</summary>
    Xxh3,

    /// <summary>XXH64 without seed: "XXH64".</summary>
    Xxh64,
}
