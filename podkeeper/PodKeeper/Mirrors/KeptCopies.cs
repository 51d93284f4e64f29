using System.Globalization;
using System.Text;
using VmPod.Foundation;

namespace VmPod.PodKeeper.Mirrors;

/// <summary>
/// The copies of other pods that a pod keeps (P-123): a folder for each, and for each pairing of role mirror the one name of its own. A name is no path, and
/// nothing that comes over a link becomes one.
/// </summary>
/// <param name="root">The folder of the copies.</param>
/// <param name="pairings">The folder of the pod's pairings, where their names are noted.</param>
public sealed class KeptCopies(string root, string pairings)
{
    private const string Extension = ".copy", UsualFolder = "mirrors";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>The folder of the copies.</summary>
    public string Root { get; } = root;

    /// <summary>Where a pod keeps copies unless it was told another place.</summary>
    public static string UsualRoot(string podFolder) => Path.Combine(podFolder, UsualFolder);

    /// <summary>True for 1 to 64 lower-case letters, digits and dashes that do not begin with a dash.</summary>
    public static bool IsName(string name) =>
        name.Length is >= 1 and <= PodLimits.CopyNameMax && name[0] != '-' && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');

    /// <summary>The name of a pairing's copy: what was noted, else the pairing's id.</summary>
    /// <exception cref="VmPodException">The note is none (5).</exception>
    public static string NameOf(string pairings, UInt128 pairing)
    {
        string path = NoteOf(pairings, pairing);
        if (!File.Exists(path))
            return pairing.ToString("x32", CultureInfo.InvariantCulture);
        string name = new FileInfo(path).Length <= PodLimits.CopyNameMax ? File.ReadAllText(path) : "";
        return IsName(name) ? name : throw new VmPodException(ExitCode.Damaged, $"{path} names no copy.", "Remove the pairing and pair again.");
    }

    /// <summary>The folder of a pairing's copy, whether it is there or not.</summary>
    public string PathOf(UInt128 pairing) => Path.Combine(Root, NameOf(pairings, pairing));

    /// <summary>Makes the folder of the copies, for its owner alone.</summary>
    /// <exception cref="VmPodException">It cannot be made (4).</exception>
    internal void MakeRoot()
    {
        try
        {
            Directory.CreateDirectory(Root, OwnerOnly);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VmPodException(ExitCode.Refused, "The pod there cannot make a folder for copies.",
                "podkeeper serve DIR --mirrors FOLDER names another.", e);
        }
    }

    /// <summary>Notes the name of a pairing's copy, durably. Before the pairing is stored: else it would have another one for a moment.</summary>
    internal static void Note(string pairings, UInt128 pairing, string name) =>
        PrivateFile.Replace(NoteOf(pairings, pairing), Encoding.ASCII.GetBytes(name));

    /// <summary>Forgets it. The copy stays: it is its owner's.</summary>
    internal static void Forget(string pairings, UInt128 pairing) => File.Delete(NoteOf(pairings, pairing));

    private static string NoteOf(string pairings, UInt128 pairing) =>
        Path.Combine(pairings, pairing.ToString("x32", CultureInfo.InvariantCulture) + Extension);
}
