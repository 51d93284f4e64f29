namespace VmPod.Vault.Tests.Crash;

/// <summary>What a power cut left: files by name. The buffers are the model's, and good until the next state.</summary>
internal sealed class CrashState
{
    internal Dictionary<string, (byte[] Buffer, int Length)> Files { get; } = [];

    internal ReadOnlySpan<byte> Of(string name) =>
        Files.TryGetValue(name, out (byte[] Buffer, int Length) file) ? file.Buffer.AsSpan(0, file.Length) : default;

    /// <summary>Writes it to a folder.</summary>
    internal void WriteTo(string dir)
    {
        _ = Directory.CreateDirectory(Path.Combine(dir, "v1/segments"));
        foreach ((string name, (byte[] buffer, int length)) in Files)
        {
            using FileStream file = File.Create(Path.Combine(dir, name));
            file.Write(buffer, 0, length);
        }
    }
}
