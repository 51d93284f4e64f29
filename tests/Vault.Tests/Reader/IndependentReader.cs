using System.Text.Json;
using VmPod.Testing;

namespace VmPod.Vault.Tests.Reader;

/// <summary>tests/IndependentReader: a reader in another language, written from vault/SPEC.md alone. A missing package is a failure that names it.</summary>
internal static class IndependentReader
{
    // Debian's own: only this one has Debian's python3-cryptography.
    private static readonly CliRunner Python = new("/usr/bin/python3", Repository.PathOf("tests", "IndependentReader", "read_vault.py"));
    private static readonly CliRunner Checker = new("/usr/bin/python3", Repository.PathOf("tests", "IndependentReader", "check_vectors.py"));

    /// <summary>Reads a generation into a new folder.</summary>
    internal static async Task<CliResult> ReadAsync(string pod, string session, string into, string passphrase = "correct horse")
    {
        string pin = into + ".pin";
        await File.WriteAllTextAsync(pin, passphrase + "\n", TestContext.Current.CancellationToken);
        return await Python.RunAsync([pod, "--pin-file", pin, session, into, "--json"], TimeSpan.FromMinutes(15),
            cancellation: TestContext.Current.CancellationToken);
    }

    /// <summary>What it finds in a vault, without reading a cell.</summary>
    internal static async Task<JsonElement> ListAsync(string pod)
    {
        string pin = pod + ".pin";
        await File.WriteAllTextAsync(pin, "correct horse", TestContext.Current.CancellationToken);
        CliResult listed = await Python.RunAsync([pod, "--pin-file", pin, "--list", "--json"], cancellation: TestContext.Current.CancellationToken);
        return listed.MustSucceed().Json;
    }

    /// <summary>Shows it the vectors of a folder.</summary>
    internal static Task<CliResult> CheckVectorsAsync(string folder) =>
        Checker.RunAsync([folder], TimeSpan.FromMinutes(15), cancellation: TestContext.Current.CancellationToken);

    /// <summary>A count of what it found, 0 if it found none.</summary>
    internal static long Count(this JsonElement said, string group, string name) =>
        said.GetProperty(group).TryGetProperty(name, out JsonElement count) ? count.GetInt64() : 0;
}
