namespace VmPod.PodKeeper.Control;

/// <summary>The screen in front of the person who gave a command.</summary>
public interface IControlScreen
{
    /// <summary>Shows a text that is a secret, and says what it is.</summary>
    void Show(string name, ReadOnlySpan<byte> text);

    /// <summary>Asks; true for yes.</summary>
    bool Ask(string question);
}
