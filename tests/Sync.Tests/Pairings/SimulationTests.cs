using System.Security.Cryptography;
using VmPod.Sync.Channel.Pairings;
using Xunit;

namespace VmPod.Sync.Tests.Pairings;

/// <summary>
/// Somebody between host and pod, in pure form: keys are random bytes, since the digits depend on the bytes only. The attacker has shares of its own and
/// wants both screens to show the same digits. He sees all that is sent, and chooses when to send.
/// </summary>
public sealed class SimulationTests
{
    private const int Runs = 100_000;

    private delegate (int Host, int Pod) Order(Side host, Side pod);

    [Fact]
    [Trait("Spec", "S-43")]
    public void An_honest_run_always_shows_the_same_digits()
    {
        for (int i = 0; i < 1000; i++)
        {
            var run = new Side();
            byte[] transcript = PairingKeys.Transcript(run.Hello, run.Reply, run.Reveal);
            Assert.Equal(PairingKeys.Digits(transcript), PairingKeys.Digits(PairingKeys.Transcript(run.Hello, run.Reply, run.Reveal)));
        }
    }

    [Fact]
    [Trait("Spec", "S-43")]
    public void Without_the_commitment_the_attacker_finds_the_same_digits_by_trying()
    {
        // The host's nonce is known before the attacker must answer it: he tries replies until the host will show what the pod shows.
        var pod = new Side();
        int wanted = PairingKeys.Digits(PairingKeys.Transcript(pod.Hello, pod.Reply, pod.Reveal)) % 1000;
        int found = 0;
        for (int run = 0; run < 20; run++)
        {
            var host = new Side();
            for (int tries = 0; tries < 20_000; tries++)
            {
                RandomNumberGenerator.Fill(host.Reply.AsSpan(DigitsFormat.ReplyBytes - 32));
                if (PairingKeys.Digits(PairingKeys.Transcript(host.Hello, host.Reply, host.Reveal)) % 1000 == wanted)
                {
                    found++;
                    break;
                }
            }
        }
        Assert.Equal(20, found);
    }

    [Fact]
    [Trait("Spec", "S-43")]
    [Trait("Spec", "S-45")]
    [Trait("Spec", "S-46")]
    public void With_it_three_hundred_thousand_attackers_succeed_as_often_as_guessing_would()
    {
        // Each order in which the attacker can use what he has seen. `host` is the run that the host sees, `pod` the one that the pod sees.
        (string Name, Order Play)[] orders =
        [
            // He ends the run with the pod, then answers the host: its nonce is still hidden by the commitment.
            ("pod first", static (host, pod) => (Digits(host, TryReplies(host, Digits(pod))), Digits(pod))),
            // He ends the run with the host, then opens one with the pod: his nonce is bound by his commitment before the pod's is drawn.
            ("host first", static (host, pod) => (Digits(host), Digits(pod, FreshReply(pod)))),
            // He passes the pod's reply on to the host with his own key in it, keeping nonce and ciphertext.
            ("splice", static (host, pod) =>
            {
                pod.Reply.CopyTo(host.Reply, 0);
                RandomNumberGenerator.Fill(host.Reply.AsSpan(DigitsFormat.MagicBytes + DigitsFormat.CiphertextBytes, 32));
                return (Digits(host), Digits(pod));
            }),
        ];
        long full = 0;
        foreach ((string name, Order play) in orders)
        {
            int lastThree = 0;
            for (int i = 0; i < Runs; i++)
            {
                (int host, int pod) = play(new Side(), new Side());
                lastThree += host % 1000 == pod % 1000 ? 1 : 0;
                full += host == pod ? 1 : 0;
            }
            // 100 expected, a standard deviation of 10: six of them, so that chance fails this once in tens of millions of runs.
            Assert.True(lastThree is > 40 and < 160, $"{name}: {lastThree} of {Runs} runs agreed in three digits, where guessing gives 100.");
        }
        // 0.3 expected of 300,000: six or more would come by chance once in a million.
        Assert.True(full < 6, $"{full} runs agreed in all six digits.");
    }

    [Fact]
    [Trait("Spec", "S-46")]
    public void Every_byte_of_every_message_changes_the_digits_and_all_digits_are_equally_likely()
    {
        var side = new Side();
        byte[] transcript = PairingKeys.Transcript(side.Hello, side.Reply, side.Reveal);
        foreach (byte[] message in (byte[][])[side.Hello, side.Reply, side.Reveal])
        {
            for (int i = 0; i < message.Length; i++)
            {
                message[i] ^= 1;
                Assert.NotEqual(transcript, PairingKeys.Transcript(side.Hello, side.Reply, side.Reveal));
                message[i] ^= 1;
            }
        }
        int[] first = new int[10];
        for (int i = 0; i < 100_000; i++)
            first[PairingKeys.Digits(RandomNumberGenerator.GetBytes(32)) / 100_000]++;
        Assert.All(first, n => Assert.InRange(n, 9_400, 10_600));
    }

    private static int Digits(Side side, byte[]? reply = null) => PairingKeys.Digits(PairingKeys.Transcript(side.Hello, reply ?? side.Reply, side.Reveal));

    private static byte[] FreshReply(Side pod)
    {
        RandomNumberGenerator.Fill(pod.Reply.AsSpan(DigitsFormat.ReplyBytes - 64));
        return pod.Reply;
    }

    // He can try as many replies as he likes: not knowing the nonce, he can only guess it, and the guess is wrong.
    private static byte[] TryReplies(Side host, int wanted)
    {
        byte[] guessed = [.. DigitsFormat.RevealMagic, .. RandomNumberGenerator.GetBytes(32)];
        for (int tries = 0; tries < 3; tries++)
        {
            RandomNumberGenerator.Fill(host.Reply.AsSpan(DigitsFormat.ReplyBytes - 32));
            if (PairingKeys.Digits(PairingKeys.Transcript(host.Hello, host.Reply, guessed)) == wanted)
                break;
        }
        return host.Reply;
    }

    /// <summary>One run as one honest side sees it: three messages with a right commitment. X25519 keys and nonces are random, ML-KEM's part is zero.</summary>
    private sealed class Side
    {
        internal Side()
        {
            DigitsFormat.HelloMagic.CopyTo(Hello);
            RandomNumberGenerator.Fill(Hello.AsSpan(DigitsFormat.HostShareBytes - 32, 32));
            DigitsFormat.ReplyMagic.CopyTo(Reply);
            RandomNumberGenerator.Fill(Reply.AsSpan(DigitsFormat.ReplyBytes - 64));
            DigitsFormat.RevealMagic.CopyTo(Reveal);
            RandomNumberGenerator.Fill(Reveal.AsSpan(DigitsFormat.MagicBytes));
            PairingKeys.Commitment(Hello.AsSpan(0, DigitsFormat.HostShareBytes), Reveal.AsSpan(DigitsFormat.MagicBytes),
                Hello.AsSpan(DigitsFormat.HostShareBytes));
        }

        internal byte[] Hello { get; } = new byte[DigitsFormat.HelloBytes];

        internal byte[] Reply { get; } = new byte[DigitsFormat.ReplyBytes];

        internal byte[] Reveal { get; } = new byte[DigitsFormat.RevealBytes];
    }
}
