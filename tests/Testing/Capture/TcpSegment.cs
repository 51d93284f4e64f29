namespace VmPod.Testing;

/// <summary>A TCP segment of a capture.</summary>
/// <param name="From">Address and port of the sender, as one number.</param>
/// <param name="To">Of the receiver.</param>
/// <param name="FromPort">The sender's port.</param>
/// <param name="ToPort">The receiver's port.</param>
/// <param name="Sequence">Number of its first byte.</param>
/// <param name="IsSyn">It opens a connection; its own number comes before the first byte.</param>
/// <param name="Data">Its bytes.</param>
internal readonly record struct TcpSegment(ulong From, ulong To, ushort FromPort, ushort ToPort, uint Sequence, bool IsSyn, ReadOnlyMemory<byte> Data);
