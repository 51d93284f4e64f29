namespace VmPod.Testing;

/// <summary>Which guest tests/Guest/build-guest.sh builds.</summary>
public enum GuestFlavour
{
    /// <summary>Boots in seconds, disk of 2 GiB, run with 512 MiB: tests and demo.</summary>
    Small,

    /// <summary>With a compiler and things to unpack, disk of 4 GiB, run with 1 GiB: benchmarks.</summary>
    Sessions,
}
