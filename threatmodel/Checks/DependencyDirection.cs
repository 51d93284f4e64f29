using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace VmPod.ThreatModel.Checks;

/// <summary>A project is a permission: what it cannot name it cannot leak. The table of permissions, held against the project files.</summary>
/// <remarks>Project files and not assemblies are read: the compiler drops a reference that is used for constants only.</remarks>
public static class DependencyDirection
{
    private const string Foundation = "VmPod.Foundation", Format = "VmPod.Vault.Format", Secrets = "VmPod.Secrets", Cells = "VmPod.Vault.Cells",
        Vault = "VmPod.Vault", Sync = "VmPod.Sync", Channel = "VmPod.Sync.Channel", Discovery = "VmPod.Sync.Discovery", Rsync = "VmPod.Sync.Rsync",
        Audit = "VmPod.Audit",
        PodKeeper = "VmPod.PodKeeper", Mount = "VmPod.HostGuard.Mount",
        Machine = "VmPod.HostGuard.Machine";

    private const string Ciphers = @"\bNSec\b|\bAesGcm\b|\bChaCha20\w*\b|\bHMAC\w+\b|\bHKDF\b|\bArgon2\w*\b|\bSecretBuffer\b";
    private const string InputOutput = @"\bFile\.|\bFileStream\b|\bRandomAccess\b|\bDirectory\.|\bSocket\b|\bSafeFileHandle\b|\bLibc\b|\bProcess\.";

    private static readonly string[] CommandPackages =
        ["System.CommandLine", "Microsoft.Extensions.Hosting", "Serilog", "Serilog.Extensions.Logging", "Serilog.Formatting.Compact"];

    /// <summary>The table. A project that is not in it may not exist.</summary>
    public static IReadOnlyList<ProjectRule> Rules { get; } =
    [
        new(Foundation, [], [], Ciphers, "it is below everything and knows no keys"),
        new(Format, [Foundation], [], Ciphers + "|" + InputOutput, "it knows the bytes: no keys, no input or output"),
        new(Secrets, [Foundation], [], "", "it knows locked memory and nothing that goes in there"),
        new(Cells, [Foundation, Format], [], Ciphers, "the keyless store never learns a key"),
        new(Vault, [Foundation, Format, Secrets, Cells], ["NSec.Cryptography", "System.IO.Hashing", "ZstdSharp.Port"], "",
            "it knows keys, and no network, host or hypervisor"),
        new(Sync, [Foundation, Format], [], Ciphers, "it moves sealed cells and cannot name a key"),
        new(Rsync, [Foundation, Format], ["System.IO.Hashing"], Ciphers + "|" + InputOutput, "it compares streams of bytes: no keys, no files of its own"),
        new(Channel, [Foundation, Secrets], ["BouncyCastle.Cryptography", "QRCoder"], "", "it knows the keys of links, and no vault"),
        new(Discovery, [Foundation], [], Ciphers, "it hears strangers and cannot name a key"),
        new(Audit, [Foundation], ["NSec.Cryptography"], "", "it signs the log with the log's key and knows no vault"),
        new(PodKeeper, [Foundation, Format, Secrets, Cells, Vault, Sync, Channel, Discovery, Audit], ["NSec.Cryptography"], "",
            "it releases keys and runs no session"),
        new("VmPod.PodKeeper.Cli", [Foundation, Format, Secrets, Cells, Vault, Sync, Channel, Discovery, Audit, PodKeeper],
            [.. CommandPackages, "Microsoft.Extensions.Hosting.Systemd"], "", "it is the pod's command and runs no session"),
        new(Mount, [Foundation], [], Ciphers, "it serves files of bytes and knows neither vault nor keys"),
        new(Machine, [Foundation], [], Ciphers, "it drives hypervisors and knows neither vault nor keys"),
        new("VmPod.HostGuard", [Foundation, Format, Secrets, Cells, Vault, Sync, Channel, Discovery, Audit, PodKeeper, Mount, Machine],
            CommandPackages, "", "it runs a session"),
    ];

    /// <summary>What in a source tree breaks the table; empty if nothing does.</summary>
    public static IReadOnlyList<string> Violations(string root, IReadOnlyList<ProjectRule> rules)
    {
        var violations = new List<string>();
        Dictionary<string, (string Path, XDocument Xml)> projects = SourceTree.Files(root, ".csproj").Where(IsProduct)
            .ToDictionary(path => Path.GetFileNameWithoutExtension(path), path => (path, XDocument.Load(Path.Join(root, path))));
        foreach ((string name, (string path, XDocument xml)) in projects)
        {
            if (rules.FirstOrDefault(r => r.Name == name) is not ProjectRule rule)
            {
                violations.Add($"{name} is not in the table: say in DependencyDirection.cs what it may know");
                continue;
            }
            foreach (string reached in Reachable(name, projects).Where(p => !rule.Projects.Contains(p)))
                violations.Add($"{name} reaches {reached}, but {rule.Reason}");
            foreach (string package in Included(xml, "PackageReference").Where(p => !rule.Packages.Contains(p)))
                violations.Add($"{name} uses the package {package}, but {rule.Reason}");
            if (Included(xml, "Reference").FirstOrDefault() is string assembly)
                violations.Add($"{name} references the file {assembly}: only projects and packages can be checked");
            if (rule.ForbiddenWords.Length > 0)
                violations.AddRange(ForbiddenWords(root, Path.GetDirectoryName(path)!, rule));
        }
        violations.AddRange(rules.Where(r => !projects.ContainsKey(r.Name)).Select(r => $"{r.Name} is in the table and not in the tree"));
        return violations;
    }

    private static bool IsProduct(string path) =>
        !path.StartsWith("tests/", StringComparison.Ordinal) && !path.StartsWith("threatmodel/", StringComparison.Ordinal);

    private static IEnumerable<string> Included(XDocument xml, string element) =>
        xml.Descendants().Where(e => e.Name.LocalName == element).Select(e => (string?)e.Attribute("Include")).OfType<string>();

    private static HashSet<string> Reachable(string from, Dictionary<string, (string Path, XDocument Xml)> projects)
    {
        var reached = new HashSet<string>();
        var todo = new Stack<string>([from]);
        while (todo.TryPop(out string? name))
        {
            if (!projects.TryGetValue(name, out (string Path, XDocument Xml) project))
                continue;
            foreach (string reference in Included(project.Xml, "ProjectReference").Select(r => Path.GetFileNameWithoutExtension(r.Replace('\\', '/'))))
            {
                if (reached.Add(reference))
                    todo.Push(reference);
            }
        }
        return reached;
    }

    private static IEnumerable<string> ForbiddenWords(string root, string folder, ProjectRule rule)
    {
        foreach (string file in SourceTree.Files(Path.Join(root, folder), ".cs"))
        {
            int number = 0;
            foreach (string line in File.ReadLines(Path.Join(root, folder, file)))
            {
                number++;
                string code = line.Split("//", 2)[0];
                if (Regex.Match(code, rule.ForbiddenWords) is { Success: true } match)
                    yield return $"{folder}/{file}:{number} says {match.Value}, but {rule.Name}: {rule.Reason}";
            }
        }
    }
}
