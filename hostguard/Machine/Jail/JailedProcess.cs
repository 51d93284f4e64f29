using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using VmPod.Foundation;
using VmPod.Foundation.Processes;

namespace VmPod.HostGuard.Machine;

/// <summary>
/// QEMU in its jail, as processes: bubblewrap outside (our child), QEMU inside. Owns both, and kills them when disposed.
/// </summary>
internal sealed class JailedProcess : IDisposable
{
    private const int InfoBytesMax = 4096;

    private readonly ChildProcess _outer;
    private readonly PidFd _inner;
    private readonly JailCgroup? _cgroup;

    private JailedProcess(ChildProcess outer, PidFd inner, JailCgroup? cgroup)
    {
        _outer = outer;
        _inner = inner;
        _cgroup = cgroup;
        Exited = outer.Exited;
    }

    /// <summary>QEMU's number outside of the jail.</summary>
    public int ProcessId => _inner.ProcessId;

    /// <summary>True if QEMU is in a cgroup that may not swap.</summary>
    public bool WithoutSwap => _cgroup?.WithoutSwap ?? false;

    /// <summary>Completes when the jail is empty.</summary>
    public Task<int> Exited { get; }

    /// <summary>The end of what QEMU and bubblewrap complained about.</summary>
    public string Complaint => _outer.Output.Tail();

    /// <summary>Starts QEMU.</summary>
    /// <param name="spec">What it may have.</param>
    /// <param name="descriptors">What it inherits, as 3, 4, 5….</param>
    /// <param name="qemuArguments">Its arguments.</param>
    /// <param name="cancel">Gives up; the processes are killed.</param>
    /// <exception cref="VmPodException">A tool is missing, or the jail cannot be made; carries bubblewrap's complaint (exit code
    /// 9).</exception>
    public static async Task<JailedProcess> StartAsync(MachineSpec spec, IReadOnlyList<SafeHandle> descriptors,
        IReadOnlyList<string> qemuArguments, CancellationToken cancel)
    {
        byte[] program = SyscallFilter.Program(RuntimeInformation.OSArchitecture);
        using var filter = MemoryFile.Create("vmpod-filter", program.Length);
        RandomAccess.Write(filter, program, 0);
        (Socket info, SafeSocketHandle infoTheirs) = DescriptorSocket.Pair();
        (Socket gate, SafeSocketHandle gateTheirs) = DescriptorSocket.Pair();
        using (info)
        using (gate)
        {
            ChildProcess outer;
            using (infoTheirs)
            using (gateTheirs)
            {
                int first = 3 + descriptors.Count;
                List<string> command = JailCommand.Build(spec, filterFd: first, infoFd: first + 1, gateFd: first + 2);
                outer = ChildProcess.Start(command[0], [.. command.Skip(1), JailPaths.Qemu, .. qemuArguments],
                    [.. descriptors, filter, infoTheirs, gateTheirs]);
            }
            PidFd? inner = null;
            JailCgroup? cgroup = null;
            try
            {
                // The jailed process waits at the gate, so its descriptor and its cgroup are right before QEMU's first instruction.
                inner = PidFd.Open(await ReadProcessIdAsync(info, outer, cancel));
                cgroup = JailCgroup.TryCreate();
                if (cgroup is not null && !cgroup.TryAdd(inner.ProcessId))
                {
                    cgroup.Dispose();
                    cgroup = null;
                }
                _ = await gate.SendAsync(new byte[] { 1 }, SocketFlags.None, cancel);
                return new JailedProcess(outer, inner, cgroup);
            }
            catch (Exception e)
            {
                _ = outer.Kill(MachineLimits.KillTimeout);
                string complaint = outer.Output.Tail();
                outer.Dispose();
                inner?.Dispose();
                cgroup?.Dispose();
                // bubblewrap names the process early and may fail after it: the gate, or the process, is gone then.
                if (e is SocketException or IOException)
                    throw Impossible(complaint, e);
                throw;
            }
        }
    }

    /// <summary>Stops every instruction of QEMU and guest, at once and whatever state QEMU is in.</summary>
    public void Freeze()
    {
        _ = _inner.Signal(ProcessSignal.Stop);
        _ = _cgroup?.TryFreeze(true);
    }

    /// <summary>Undoes <see cref="Freeze"/>.</summary>
    public void Thaw()
    {
        _ = _cgroup?.TryFreeze(false);
        _ = _inner.Signal(ProcessSignal.Continue);
    }

    /// <summary>Kills everything in the jail; true when it is gone. False: the kernel still holds QEMU (it waits for a page of the mount);
    /// abort the mount's connection and call again.</summary>
    public bool Kill(TimeSpan wait)
    {
        _ = _inner.Signal(ProcessSignal.Kill);
        _ = _cgroup?.TryKill();
        // bubblewrap outside reaps QEMU and ends by itself; killed first, it would leave a zombie to whoever is init.
        bool innerGone = _inner.WaitForExit(wait);
        bool outerGone = innerGone && _outer.Exited.Wait(wait);
        return outerGone || (_outer.Kill(wait) && innerGone);
    }

    /// <summary>Kills, and frees what belongs to the jail.</summary>
    public void Dispose()
    {
        _ = Kill(MachineLimits.KillTimeout);
        _inner.Dispose();
        _outer.Dispose();
        _cgroup?.Dispose();
    }

    private static async Task<int> ReadProcessIdAsync(Socket info, ChildProcess outer, CancellationToken cancel)
    {
        var buffer = new byte[InfoBytesMax];
        int length = 0;
        while (length < buffer.Length)
        {
            int read = await info.ReceiveAsync(buffer.AsMemory(length), SocketFlags.None, cancel);
            if (read == 0)
                break;
            length += read;
            if (buffer.AsSpan(0, length).Contains((byte)'}'))
                return ParseProcessId(buffer.AsMemory(0, length));
        }
        _ = await Task.WhenAny(outer.Exited, Task.Delay(MachineLimits.KillTimeout, cancel));        // its words are complete then
        throw Impossible(outer.Output.Tail(), null);
    }

    private static VmPodException Impossible(string complaint, Exception? inner) =>
        new(ExitCode.Missing, $"The jail cannot be made: {complaint}",
        "Check that bubblewrap may make user namespaces here, and that QEMU's uid can reach the disk and RAM files.", inner);

    private static int ParseProcessId(ReadOnlyMemory<byte> json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return document.RootElement.GetProperty("child-pid").GetInt32();
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or FormatException or InvalidOperationException)
        {
            throw new VmPodException(ExitCode.Missing, "bubblewrap does not say which process it started.", innerException: e);
        }
    }
}
