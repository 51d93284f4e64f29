using VmPod.PodKeeper.Control;
using VmPod.PodKeeper.Pairings;
using VmPod.Secrets;
using VmPod.Sync.Channel.Pairings;

namespace VmPod.PodKeeper.Cli.Serving;

/// <summary>The screen of whoever called over the control socket.</summary>
internal sealed class ControlledScreen(ControlCall call) : IPairingScreen
{
    /// <inheritdoc/>
    public bool IsGone => call.IsAbandoned;

    /// <inheritdoc/>
    public void Open(string address, PairingCode? code)
    {
        call.Show(PairingText.Address, System.Text.Encoding.ASCII.GetBytes(address + " "));
        if (code is null)
            return;
        using SecretBuffer text = code.ToText(), symbol = PairingQr.Draw(code);
        call.Show(PairingText.Code, text.ReadOnlyBytes);
        call.Show(PairingText.Symbol, symbol.ReadOnlyBytes);
    }

    /// <inheritdoc/>
    public bool AreSame(int digits, CancellationToken timeUp) =>
        call.Ask(DigitsText.Of(digits), TimeSpan.FromMilliseconds(PairingLimits.AnswerMillisecondsMax)) && !timeUp.IsCancellationRequested;
}
