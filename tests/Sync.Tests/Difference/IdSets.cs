using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using VmPod.Sync.Difference;
using VmPod.Vault.Format;
using Xunit;

namespace VmPod.Sync.Tests.Difference;

/// <summary>Sets of ids, and a conversation about two of them.</summary>
internal static class IdSets
{
    /// <summary>SHA-256 of a number, its first bytes replaced.</summary>
    internal static CellId Id(int number, ReadOnlySpan<byte> prefix = default)
    {
        Span<byte> bytes = stackalloc byte[CellId.Size], n = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(n, number);
        _ = SHA256.HashData(n, bytes);
        prefix.CopyTo(bytes);
        return CellId.ReadFrom(bytes);
    }

    /// <summary>A set as the vectors write it: h:A:B or g:PREFIX:A:B, with blanks between them.</summary>
    internal static IdArray Parse(string words) => new(words.Split(' ', StringSplitOptions.RemoveEmptyEntries).SelectMany(word =>
    {
        string[] parts = word.Split(':');
        byte[] prefix = parts[0] == "g" ? Convert.FromHexString(parts[1]) : [];
        int from = int.Parse(parts[^2], CultureInfo.InvariantCulture), to = int.Parse(parts[^1], CultureInfo.InvariantCulture);
        return Enumerable.Range(from, to - from).Select(n => Id(n, prefix));
    }));

    /// <summary>Asks to the end. Bytes both ways, and how often the asker had to wait.</summary>
    internal static (long Bytes, int Waits) Talk(DifferenceAsker asker, DifferenceAnswerer answerer, Func<int, byte[], byte[]>? tamper = null)
    {
        long bytes = 0;
        int waits = 0, answers = 0;
        while (!asker.IsDone)
        {
            var told = new Queue<ReadOnlyMemory<byte>>();
            while (asker.TryNextQuestion(out ReadOnlyMemory<byte> question))
            {
                Assert.InRange(question.Length, 1, DifferenceLimits.QuestionBytesMax);
                ReadOnlyMemory<byte> answer = answerer.Answer(question.Span);
                Assert.InRange(answer.Length, 1, DifferenceLimits.AnswerBytesMax);
                bytes += question.Length + answer.Length;
                told.Enqueue(answer);
            }
            waits++;
            while (told.TryDequeue(out ReadOnlyMemory<byte> answer))
                asker.Take(tamper is null ? answer.Span : tamper(answers++, answer.ToArray()));
        }
        return (bytes, waits);
    }
}
