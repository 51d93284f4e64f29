using VmPod.Secrets;

namespace VmPod.PodKeeper.Serving;

/// <summary>What one reading thread of a link needs: a key in locked memory, and a sealed cell.</summary>
internal sealed class CellScratch(int cellBytes) : IDisposable
{
    internal const int KeyBytes = 32;

    internal SecretBuffer Key { get; } = SecretBuffer.Create(KeyBytes, static _ => { });

    internal byte[] Cell { get; } = new byte[cellBytes];

    /// <summary>Zeroes the key.</summary>
    public void Dispose() => Key.Dispose();
}
