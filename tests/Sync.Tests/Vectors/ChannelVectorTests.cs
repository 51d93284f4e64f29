using VmPod.Secrets;
using VmPod.Sync.Channel;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Tests.Channel;
using Xunit;

namespace VmPod.Sync.Tests.Vectors;

/// <summary>Known answers of tests/Vectors/channel/v1, which a script that shares no code with VmPod wrote from sync/SPEC.md.</summary>
public sealed class ChannelVectorTests
{
    // Updated with the folder: a file that is lost or not read must not pass unseen.
    private const int Positive = 20, Negative = 24;

    [Fact]
    [Trait("Spec", "S-22")]
    [Trait("Spec", "S-23")]
    [Trait("Spec", "S-41")]
    [Trait("Spec", "S-42")]
    [Trait("Spec", "S-45")]
    [Trait("Spec", "S-46")]
    [Trait("Spec", "S-47")]
    [Trait("Spec", "S-51")]
    [Trait("Spec", "S-54")]
    public void Every_vector_passes_or_is_refused_as_it_says()
    {
        VectorFile[] vectors = VectorFile.All("channel/v1");
        Assert.Equal((Positive, Negative), (vectors.Count(v => v.MustPass), vectors.Count(v => !v.MustPass)));
        Assert.All(vectors, v => Assert.True(Passes(v) == v.MustPass, v.Name));
    }

    private static bool Passes(VectorFile v) => v.Layer switch
    {
        "identity" => IdentityPasses(v),
        "code" => CodePasses(v),
        "digits" => DigitsPass(v),
        "agreement" => AgreementPasses(v),
        "stored" => StoredPasses(v),
        string other => throw new InvalidDataException($"{v.Name} has layer {other}"),
    };

    private static bool IdentityPasses(VectorFile v)
    {
        var direction = (ChannelDirection)v.Number("direction");
        var time = new ManualTime { Now = DateTimeOffset.FromUnixTimeSeconds(v.Number("seconds")) };
        using SecretBuffer psk = Secret(v.Bytes("psk")), tls = ChannelKeys.TlsKey(psk, direction), identityKey = ChannelKeys.IdentityKey(psk, direction);
        long day = ChannelKeys.Day(time);
        return day == v.Number("day") && tls.FixedTimeEquals(v.Bytes("tls"))
            && ChannelKeys.Identity(identityKey, day, direction).AsSpan().SequenceEqual(v.Bytes("identity"));
    }

    private static bool CodePasses(VectorFile v)
    {
        if (!PairingCode.TryRead(v.Bytes("text"), out PairingCode? code))
            return false;
        using (code)
        using (SecretBuffer text = code!.ToText(), key = PairingKeys.TlsKey(code.Secret))
        {
            return !v.MustPass || (text.FixedTimeEquals(v.Bytes("text")) && code.Address == v.Text("address") && code.Secret.FixedTimeEquals(v.Bytes("secret"))
                && key.FixedTimeEquals(v.Bytes("psk")) && PairingKeys.Identity(code.Secret).AsSpan().SequenceEqual(v.Bytes("identity")));
        }
    }

    private static bool DigitsPass(VectorFile v)
    {
        int start = (int)v.Number("start");
        byte[] share = [.. "VPD1"u8, .. Pattern(start, 1216)], nonce = Pattern(start + 1, 32), commitment = new byte[32];
        PairingKeys.Commitment(share, nonce, commitment);
        byte[] transcript = PairingKeys.Transcript([.. share, .. commitment], [.. "VPD2"u8, .. Pattern(start + 2, 1152)], [.. "VPD3"u8, .. nonce]);
        using SecretBuffer secret = PairingKeys.Compared(v.Bytes("shared"), transcript);
        return commitment.AsSpan().SequenceEqual(v.Bytes("commitment")) && transcript.AsSpan().SequenceEqual(v.Bytes("transcript"))
            && PairingKeys.Digits(transcript) == v.Number("digits") && secret.FixedTimeEquals(v.Bytes("secret"));
    }

    private static bool AgreementPasses(VectorFile v)
    {
        using SecretBuffer psk = PairingKeys.LongTerm(v.Bytes("exporter"), (PairingWay)v.Number("way"), v.Bytes("offer"), v.Bytes("answer"));
        return AgreementFormat.TryReadOffer(v.Bytes("offer"), out string host) && host == "workstation"
            && AgreementFormat.TryReadAnswer(v.Bytes("answer"), out _, out HostRole role, out _, out string pod)
            && (role, pod) == ((HostRole)v.Number("way"), "pod")
            && psk.FixedTimeEquals(v.Bytes("psk")) && PairingKeys.Receipt(psk).AsSpan().SequenceEqual(v.Bytes("receipt"));
    }

    private static bool StoredPasses(VectorFile v)
    {
        if (!Pairing.TryRead(v.Bytes("bytes"), out Pairing? pairing))
            return false;
        using (pairing)
        using (SecretBuffer again = pairing!.ToBytes())
            return !v.MustPass || (again.FixedTimeEquals(v.Bytes("bytes")) && pairing.Psk.FixedTimeEquals(v.Bytes("psk")));
    }

    private static SecretBuffer Secret(byte[] bytes) => SecretBuffer.Create(bytes.Length, bytes, static (into, from) => from.CopyTo(into));

    private static byte[] Pattern(int start, int length) => [.. Enumerable.Range(0, length).Select(i => unchecked((byte)(start + (7 * i))))];
}
