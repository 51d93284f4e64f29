namespace VmPod.Vault.Tests.Fuzz;

/// <summary>Makes inputs out of a corpus: one to four changes of a seed, of the kinds that find parsers out.</summary>
internal sealed class Mutator(IReadOnlyList<byte[]> corpus, int seed)
{
    private const int LengthMax = 20_000;
    private static readonly byte[] Interesting = [0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF];

    private readonly Random random = new(seed);

    internal byte[] Next()
    {
        var bytes = new List<byte>(corpus[random.Next(corpus.Count)]);
        for (int changes = 1 + random.Next(4); changes > 0; changes--)
            Change(bytes);
        return [.. bytes];
    }

    private void Change(List<byte> bytes)
    {
        if (bytes.Count == 0)
        {
            bytes.Add((byte)random.Next(256));
            return;
        }
        int at = random.Next(bytes.Count), length = Math.Min(1 + random.Next(16), bytes.Count - at);
        switch (random.Next(9))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                bytes[at] = Interesting[random.Next(Interesting.Length)];
                break;
            case 2:
                bytes[at] = (byte)random.Next(256);
                break;
            case 3:
                bytes.RemoveRange(at, length);
                break;
            case 4:
                if (bytes.Count < LengthMax)
                    bytes.InsertRange(at, bytes.GetRange(at, length));
                break;
            case 5:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            case 6:
                for (int i = at; i < at + length; i++)
                    bytes[i] = Interesting[at % Interesting.Length];
                break;
            case 7:
                byte[] other = corpus[random.Next(corpus.Count)];
                int from = random.Next(other.Length + 1);
                if (bytes.Count < LengthMax)
                    bytes.InsertRange(at, other.Skip(from).Take(1 + random.Next(64)));
                break;
            default:
                bytes[at] = unchecked((byte)(bytes[at] + (random.Next(2) == 0 ? 1 : -1)));
                break;
        }
    }
}
