using VmPod.Vault.Format;

namespace VmPod.Vault.Images;

/// <summary>Notes which pages a machine reads first, in order, up to the bound of the list. Thread-safe; free of cost while it is off.</summary>
internal sealed class FirstUseRecorder
{
    private readonly Lock gate = new();
    private readonly List<StreamPage> pages = [];
    private readonly HashSet<StreamPage> known = [];
    private volatile bool isOn;

    /// <summary>True while it notes.</summary>
    public bool IsOn => isOn;

    /// <summary>Pages noted so far.</summary>
    public int Count
    {
        get
        {
            lock (gate)
                return pages.Count;
        }
    }

    /// <summary>Begins to note.</summary>
    public void Start() => isOn = true;

    /// <summary>Notes a page that a cell gave, once.</summary>
    public void Note(StreamPage page)
    {
        lock (gate)
        {
            if (isOn && pages.Count < SessionNotes.PagesMax && known.Add(page))
                pages.Add(page);
        }
    }

    /// <summary>Ends it, and gives what was noted; null if nothing was being noted.</summary>
    public IReadOnlyList<StreamPage>? End()
    {
        lock (gate)
        {
            if (!isOn)
                return null;
            isOn = false;
            known.Clear();
            return pages;
        }
    }
}
