using System.Buffers.Binary;
using System.Net.Sockets;
using VmPod.Foundation;

namespace VmPod.HostGuard.Machine;

/// <content>The clock port org.vmpod.clock.0: the only thing the host tells a guest, and it is 16 bytes (rule 18).</content>
public sealed partial class QemuMachine
{
    private readonly SemaphoreSlim _clockTurn = new(1, 1);
    private ulong _clockSequence;

    /// <summary>
    /// Tells the guest the time: u64 big-endian nanoseconds since 1970 (UTC), then u64 big-endian sequence number. The guest's daemon takes
    /// a message whose sequence number is new to it. Nothing is ever read from the port.
    /// </summary>
    /// <remarks>
    /// The guest remembers the last sequence number across suspends, QEMU does not: so it is the time's own milliseconds, or one more than
    /// the last.
    /// </remarks>
    /// <exception cref="VmPodException">QEMU is gone, or the guest has not taken thousands of earlier messages.</exception>
    public async Task SendClockAsync(DateTimeOffset time, CancellationToken cancel = default)
    {
        await _clockTurn.WaitAsync(cancel);
        try
        {
            var message = new byte[16];
            BinaryPrimitives.WriteUInt64BigEndian(message, checked((ulong)(time - DateTimeOffset.UnixEpoch).Ticks * 100));
            _clockSequence = Math.Max(_clockSequence + 1, checked((ulong)time.ToUnixTimeMilliseconds()));
            BinaryPrimitives.WriteUInt64BigEndian(message.AsSpan(8), _clockSequence);
            using var timed = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            timed.CancelAfter(Spec.ReplyTimeout);
            int sent = 0;
            while (sent < message.Length)
                sent += await _clock.SendAsync(message.AsMemory(sent), SocketFlags.None, timed.Token);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException
            || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            throw new VmPodException(ExitCode.Missing, "The guest's clock port does not take the time.", innerException: e);
        }
        finally
        {
            _ = _clockTurn.Release();
        }
    }
}
