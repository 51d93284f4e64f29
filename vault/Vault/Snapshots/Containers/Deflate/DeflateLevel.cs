namespace VmPod.Vault.Snapshots.Containers.Deflate;

/// <summary>How hard a level of zlib looks for matches.</summary>
/// <param name="Good">A match of this length before makes the chain a quarter as long.</param>
/// <param name="Lazy">A match of this length is not bettered at the next byte; at fast levels: longer ones are not put into the chains.</param>
/// <param name="Nice">A match of this length ends the search.</param>
/// <param name="Chain">Candidates looked at.</param>
/// <param name="IsLazy">Whether a match waits for a better one at the next byte.</param>
internal readonly record struct DeflateLevel(int Good, int Lazy, int Nice, int Chain, bool IsLazy);
