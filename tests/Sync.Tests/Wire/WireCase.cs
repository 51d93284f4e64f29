using CsCheck;
using VmPod.Sync.Wire;

namespace VmPod.Sync.Tests.Wire;

/// <summary>One message as one side sends it: where its bodies come from, and how a body is read.</summary>
/// <param name="Name">Its name in the specification, as in the vectors.</param>
/// <param name="Type">Its type byte.</param>
/// <param name="From">Who sends it.</param>
/// <param name="Bodies">Random bodies, as the program writes them.</param>
/// <param name="Read">Reads a body: what the program would write again, or null if it refuses. Alone it allocates what the message holds.</param>
internal sealed record WireCase(string Name, WireType Type, WireRole From, Gen<byte[]> Bodies, WireCase.Reader Read)
{
    internal delegate Func<byte[]>? Reader(ReadOnlySpan<byte> body);

    internal delegate bool TryRead<T>(ReadOnlySpan<byte> body, out T? message);

    internal static WireCase Of<T>(string name, WireRole from, Gen<T> messages, TryRead<T> read)
        where T : class, IWireMessage =>
        new(name, messages.Example().Type, from, messages.Select(BytesOf), body => read(body, out T? message) ? () => BytesOf(message!) : null);

    internal static byte[] BytesOf(IWireMessage message)
    {
        byte[] body = new byte[message.BodyBytes];
        message.WriteTo(body);
        return body;
    }

    public override string ToString() => Name;
}
