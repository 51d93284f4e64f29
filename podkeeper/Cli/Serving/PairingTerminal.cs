using System.Text;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.PodKeeper.Control;
using VmPod.PodKeeper.Pairings;
using VmPod.Secrets;
using VmPod.Sync.Channel.Pairings;

namespace VmPod.PodKeeper.Cli.Serving;

/// <summary>
/// The owner's terminal while a host is paired, whether this process pairs or the server does. With --json the code is a line of its own before the
/// verb's object: <c>{"address":"...","code":"..."}</c>. A code goes to standard output only, byte by byte.
/// </summary>
internal sealed class PairingTerminal(bool json, HostRole role) : IPairingScreen, IControlScreen
{
    private readonly Lock gate = new();
    private string address = "";

    /// <inheritdoc/>
    public bool IsGone => false;

    /// <inheritdoc/>
    public void Open(string address, PairingCode? code)
    {
        Show(PairingText.Address, Encoding.ASCII.GetBytes(address));
        if (code is null)
            return;
        using SecretBuffer text = code.ToText(), symbol = PairingQr.Draw(code);
        Show(PairingText.Code, text.ReadOnlyBytes);
        Show(PairingText.Symbol, symbol.ReadOnlyBytes);
    }

    /// <inheritdoc/>
    public bool AreSame(int digits, CancellationToken timeUp) => Ask(DigitsText.Of(digits)) && !timeUp.IsCancellationRequested;

    /// <inheritdoc/>
    public void Show(string name, ReadOnlySpan<byte> text)
    {
        lock (gate)
        {
            using Stream output = Console.OpenStandardOutput();
            switch (name)
            {
                case PairingText.Address:
                    address = Encoding.ASCII.GetString(text).Trim();
                    output.Write(json ? default : Encoding.ASCII.GetBytes($"Open for pairing at {address}, for five minutes and three tries.\n"));
                    break;
                case PairingText.Code when json:
                    output.Write(Encoding.ASCII.GetBytes($"{{\"address\":\"{address}\",\"code\":\""));
                    output.Write(text);
                    output.Write("\"}\n"u8);
                    break;
                case PairingText.Code:
                    output.Write(role == HostRole.Mirror ? "For the other pod: podkeeper mirror DIR pod://HOST:PORT --pair, and give it this code:\n\n  "u8
                        : "On the host: hostguard pair, and give it this code:\n\n  "u8);
                    output.Write(text);
                    output.Write("\n\n"u8);
                    break;
                case PairingText.Symbol when !json:
                    output.Write(text);
                    break;
            }
            output.Flush();
        }
    }

    /// <inheritdoc/>
    public bool Ask(string question)
    {
        if (json)
            Output.Print(new DigitsReply(address, question), ReplyJson.Default.DigitsReply);
        else
            Console.Out.Write($"\n  {question}\n\nDoes the {(role == HostRole.Mirror ? "other pod" : "host")} show the same six digits? [y/N] ");
        Console.Out.Flush();
        return Console.In.ReadLine()?.Trim() is "y" or "Y" or "yes";
    }
}
