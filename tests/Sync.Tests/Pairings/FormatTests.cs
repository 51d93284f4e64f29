using System.Text;
using VmPod.Secrets;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Tests.Channel;
using Xunit;

namespace VmPod.Sync.Tests.Pairings;

public sealed class FormatTests
{
    private const int Inputs = 100_000;

    [Fact]
    [Trait("Spec", "S-54")]
    public void A_pairing_reads_as_it_was_written_and_any_other_bytes_are_refused_or_canonical()
    {
        using var pairing = new Pairing(UInt128.MaxValue - 5, SecretBuffer.Random(32), HostRole.Foreign, "Workstation in the office",
            DateTimeOffset.FromUnixTimeSeconds(1_772_000_000));
        using SecretBuffer bytes = pairing.ToBytes();
        Assert.True(Pairing.TryRead(bytes.ReadOnlyBytes, out Pairing? read));
        using (read)
        {
            Assert.True(read!.Psk.FixedTimeEquals(pairing.Psk));
            Assert.Equal((pairing.Id, pairing.Role, pairing.PeerName, pairing.Created), (read.Id, read.Role, read.PeerName, read.Created));
        }
        Assert.DoesNotContain(Convert.ToHexStringLower(pairing.Psk.ReadOnlyBytes), pairing.ToString(), StringComparison.Ordinal);
        byte[] whole = bytes.ReadOnlyBytes.ToArray();
        for (int length = 0; length < whole.Length; length++)
            Assert.False(Pairing.TryRead(whole.AsSpan(0, length), out _));
        Assert.False(Pairing.TryRead([.. whole, 0], out _));
        int accepted = Fuzz(whole, input =>
        {
            if (!Pairing.TryRead(input, out Pairing? other))
                return false;
            using (other)
            using (SecretBuffer again = other!.ToBytes())
                Assert.True(again.FixedTimeEquals(input));
            return true;
        });
        // A changed key, id or time is another pairing; a changed magic, role, length or name mostly none.
        Assert.InRange(accepted, 5_000, 60_000);
    }

    [Fact]
    [Trait("Spec", "S-50")]
    [Trait("Spec", "S-53")]
    public void Offers_and_answers_are_read_as_written_and_nothing_else_is()
    {
        byte[] offer = AgreementFormat.Offer("host"), answer = AgreementFormat.Answer(77, HostRole.Home, DateTimeOffset.FromUnixTimeSeconds(5), "pod");
        Assert.Equal((101, 126), (offer.Length, answer.Length));
        Assert.True(AgreementFormat.TryReadOffer(offer, out string host) && host == "host");
        Assert.True(AgreementFormat.TryReadAnswer(answer, out UInt128 id, out HostRole role, out DateTimeOffset created, out string pod));
        Assert.Equal((77, HostRole.Home, 5L, "pod"), ((int)id, role, created.ToUnixTimeSeconds(), pod));
        offer[^1] = 1;
        Assert.False(AgreementFormat.TryReadOffer(offer, out _));
        offer[^1] = 0;
        Assert.InRange(Fuzz(offer, input => AgreementFormat.TryReadOffer(input, out string name) && DisplayName.Sanitise(name) == name), 1, 80_000);
        Assert.InRange(Fuzz(answer, input => AgreementFormat.TryReadAnswer(input, out _, out _, out _, out string name)
            && DisplayName.Sanitise(name) == name), 1, 80_000);
    }

    [Theory]
    [InlineData("Ana's laptop", "Ana's laptop")]
    [InlineData("  a  b  ", "a  b")]
    [InlineData("a\u001b[31mb\r\n", "a?[31mb??")]
    [InlineData("pod \ud83d\ude80 \u202egnp", "pod ? ?gnp")]
    [InlineData("", "?")]
    [InlineData("   ", "?")]
    [Trait("Spec", "S-53")]
    public void Names_are_made_harmless_before_they_are_sent_or_shown(string name, string expected)
    {
        Assert.Equal(expected, DisplayName.Sanitise(name));
        Assert.Equal(64, DisplayName.Sanitise(new string('x', 1000)).Length);
        Assert.True(DisplayName.IsName(Encoding.ASCII.GetBytes(expected)));
    }

    [Fact]
    [Trait("Spec", "S-41")]
    public void A_code_reads_as_shown_or_typed_and_one_wrong_character_is_seen()
    {
        using PairingDesk desk = PairingDesk.ByCode(HostRole.Home, "pod", "[fe80::1%eth0]:7410", new TestLog());
        using SecretBuffer text = desk.Code!.ToText();
        string shown = Encoding.ASCII.GetString(text.ReadOnlyBytes);
        Assert.Matches(@"^vmpod-pair:1:\[fe80::1%eth0\]:7410:[a-z2-7]{52}:[a-z2-7]{4}$", shown);
        Assert.True(Reads(shown) && Reads("  " + shown + "\r\n") && Reads(shown[..^57] + shown[^57..].ToUpperInvariant()));
        // A code that is the same every time: the check has 20 bits, so one wrong character in a million passes, and of a random code some hundred are tried.
        using PairingCode same = Fixed();
        using SecretBuffer fixedText = same.ToText();
        shown = Encoding.ASCII.GetString(fixedText.ReadOnlyBytes);
        int secretAt = shown.Length - 57;
        for (int i = 0; i < shown.Length; i++)
        {
            foreach (char c in "a7:x ")
            {
                string typed = shown[..i] + c + shown[(i + 1)..];
                Assert.True(typed == shown || !Reads(typed), typed.Replace(shown[secretAt..], "", StringComparison.Ordinal));
            }
        }
        Assert.Throws<ArgumentException>(() => PairingDesk.ByCode(HostRole.Home, "pod", "pod\u001b:1", new TestLog()));
        Assert.Throws<ArgumentException>(() => PairingDesk.ByCode(HostRole.Home, "pod", new string('a', 260), new TestLog()));
        int accepted = Fuzz(text.ReadOnlyBytes.ToArray(), input =>
        {
            bool reads = PairingCode.TryRead(input, out PairingCode? code);
            code?.Dispose();
            return reads;
        });
        // Only a change of case passes.
        Assert.InRange(accepted, 0, 5_000);
    }

    [Fact]
    [Trait("Spec", "S-41")]
    public void The_QR_symbol_is_framed_by_light_and_says_the_code()
    {
        using PairingCode code = Fixed();
        using SecretBuffer drawn = PairingQr.Draw(code);
        string[] lines = Encoding.UTF8.GetString(drawn.ReadOnlyBytes).TrimEnd('\n').Split('\n');
        // Rows of modules, dark as 1.
        int[][] modules = [.. lines.SelectMany(line => (char[])['▄', '▀'], (line, half) => line.Select(c => c == ' ' || c == half ? 1 : 0).ToArray())];
        int width = modules[0].Length;
        Assert.Equal(0, (width - 8 - 17) % 4);
        Assert.All(modules, row => Assert.Equal(width, row.Length));
        for (int i = 0; i < width; i++)
            Assert.Equal(0, modules[0][i] + modules[3][i] + modules[width - 4][i] + modules[i][0] + modules[i][3] + modules[i][width - 4]);
        using SecretBuffer text = code.ToText();
        Assert.Equal(text.ReadOnlyBytes, QrReader.Read([.. modules[4..(width - 4)].Select(row => row[4..^4])]));
    }

    private static PairingCode Fixed() => PairingCode.TryRead(
        "vmpod-pair:1:10.0.0.2:7410:aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq:xwrr"u8, out PairingCode? code)
        ? code! : throw new InvalidDataException();

    private static bool Reads(string text)
    {
        bool reads = PairingCode.TryRead(Encoding.ASCII.GetBytes(text), out PairingCode? code);
        code?.Dispose();
        return reads;
    }

    /// <summary>One to three changed, inserted or removed bytes, from a fixed seed. How many inputs were accepted.</summary>
    private static int Fuzz(byte[] right, Func<byte[], bool> accepts)
    {
        var random = new Random(4711);
        int accepted = 0;
        for (int i = 0; i < Inputs; i++)
        {
            var bytes = new List<byte>(right);
            for (int changes = random.Next(1, 4); changes > 0; changes--)
            {
                int at = random.Next(bytes.Count);
                switch (random.Next(6))
                {
                    case 0:
                        bytes.Insert(at, (byte)random.Next(256));
                        break;
                    case 1:
                        bytes.RemoveAt(at);
                        break;
                    default:
                        bytes[at] = (byte)random.Next(256);
                        break;
                }
            }
            accepted += accepts([.. bytes]) ? 1 : 0;
        }
        return accepted;
    }
}
