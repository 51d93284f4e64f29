using VmPod.PodKeeper.Cli.Replies;

namespace VmPod.PodKeeper.Cli;

/// <summary>Draws the history of a session, oldest first: the line to its head in one column, others beside it where they left it.</summary>
/// <param name="session">The session.</param>
/// <param name="signs">What it is drawn with.</param>
/// <param name="isWhole">Leaves nothing out. Else a line shows its newest rows, and those above that somebody must see.</param>
internal sealed class HistoryTree(SessionReply session, TreeSigns signs, bool isWhole)
{
    /// <summary>Rows of one line that are shown: as many as systemctl shows of a log.</summary>
    internal const int RowsShown = 10;

    private const string TipName = "tip";

    private readonly HashSet<string> toHead = [];

    /// <summary>The rows.</summary>
    internal IEnumerable<string> Lines()
    {
        List<Node> roots = Build();
        // What nothing is known of before stands alone, above the line to the head.
        foreach (Node root in roots.OrderBy(r => toHead.Contains(r.Name)))
        {
            foreach (string line in Draw(root, "", ""))
                yield return line;
        }
    }

    private List<Node> Build()
    {
        var nodes = new Dictionary<string, Node>();
        // Forks first: of what leaves the line at one place they are drawn before what else does.
        foreach (ForkReply f in session.Forks)
            nodes[$"@{f.Name}"] = new Node($"@{f.Name}", Parent(f.Parent, f.Fork), f.Kind, TextOf(f), f.Waits);
        foreach (GenerationReply g in session.Generations)
            nodes[$"@{g.Number}"] = new Node($"@{g.Number}", Parent(g.Parent, g.Fork), g.Kind, TextOf(g), false);
        if (session.Draft is { } draft)
            nodes[TipName] = new Node(TipName, session.Head, "draft", $"{"tip",-5} {draft:yyyy-MM-dd HH:mm:ss}  disks written since, no generation yet", true);
        for (string? name = session.Draft is null ? session.Head : TipName; name is not null && toHead.Add(name);)
            name = nodes.GetValueOrDefault(name)?.Parent;
        var roots = new List<Node>();
        foreach (Node node in nodes.Values)
        {
            if (node.Parent is not null && nodes.TryGetValue(node.Parent, out Node? parent) && parent != node)
                parent.Children.Add(node);
            else
                roots.Add(node);
        }
        return roots;
    }

    // A line of nodes, each the child of the one before, and the lines that leave it.
    private IEnumerable<string> Draw(Node first, string firstPrefix, string prefix)
    {
        var line = new List<(Node Node, Node? Next)>();
        for (Node? node = first; node is not null; node = line[^1].Next)
            line.Add((node, NextOf(node)));
        int folded = 0, beside = 0;
        string lead = firstPrefix;
        for (int i = 0; i < line.Count; i++)
        {
            (Node node, Node? next) = line[i];
            Node[] leaving = [.. node.Children.Where(c => c != next)];
            if (!isWhole && i < line.Count - RowsShown && !node.MustShow && !leaving.Any(MustShow))
            {
                folded++;
                beside += leaving.Sum(CountOf);
                continue;
            }
            if (folded > 0)
            {
                yield return $"{lead}{signs.Folded} {folded} older{(beside > 0 ? $", and {beside} beside them" : "")} (--all shows them)";
                (folded, beside, lead) = (0, 0, prefix);
            }
            yield return $"{lead}{(node.Kind == "checkpoint" ? signs.Checkpoint : signs.Disk)} {node.Text}";
            lead = prefix;
            for (int b = 0; b < leaving.Length; b++)
            {
                bool goesOn = next is not null || b < leaving.Length - 1;
                string inner = prefix + (goesOn ? signs.Line : " ") + " ";
                foreach (string row in Draw(leaving[b], prefix + (goesOn ? signs.Branch : signs.Last), inner))
                    yield return row;
            }
        }
    }

    // The line to the head ends with it; another goes on to the newest.
    private Node? NextOf(Node node) => node.Children.FirstOrDefault(c => toHead.Contains(c.Name)) is { } towards ? towards
        : toHead.Contains(node.Name) ? null : node.Children.LastOrDefault();

    private static bool MustShow(Node node) => node.MustShow || node.Children.Any(MustShow);

    private static int CountOf(Node node) => 1 + node.Children.Sum(CountOf);

    private static string? Parent(ulong? generation, string? fork) => fork is not null ? $"@{fork}" : generation is { } number ? $"@{number}" : null;

    private string TextOf(GenerationReply g) => $"@{g.Number,-4} {g.Time:yyyy-MM-dd HH:mm:ss}  {Output.Bytes(g.Bytes),10}  +{Output.Bytes(g.BytesAdded),-10} "
        + $"{g.Kind}  {g.Label}{(g.Fork is null ? "" : $"  (goes on from {g.Fork})")}{Said(g.State)}{(session.Head == $"@{g.Number}" ? "  head" : "")}";

    private string TextOf(ForkReply f) => $"@{f.Name} {f.Time:yyyy-MM-dd HH:mm:ss}  {Output.Bytes(f.Bytes),10}  +{Output.Bytes(f.BytesAdded),-10} {f.Kind}  "
        + $"left behind{(Parent(f.Parent, f.Fork) is { } after ? $" after {after}" : "")}{(f.Host is null ? "" : $" by {f.Host}")}{Said(f.State)}"
        + (f.Waits ? "  undecided" : "") + (session.Head == $"@{f.Name}" ? "  head" : "");

    private static string Said(string state) => state == "sound" ? "" : $"  {state}";

    private sealed record Node(string Name, string? Parent, string Kind, string Text, bool MustShow)
    {
        public List<Node> Children { get; } = [];
    }
}
