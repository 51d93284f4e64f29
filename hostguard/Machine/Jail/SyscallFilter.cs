using System.Buffers.Binary;
using System.Runtime.InteropServices;
using VmPod.Foundation;

namespace VmPod.HostGuard.Machine;

/// <summary>
/// The seccomp program that bubblewrap loads before QEMU starts (QEMU adds its own, -sandbox).
/// </summary>
/// <remarks>
/// Two rules. A call through another ABI than the machine's own (32-bit, x32) kills: QEMU makes none, and filters are written for one ABI.
/// madvise(…, MADV_HUGEPAGE) fails with EINVAL: QEMU asks for huge pages on guest RAM, cannot be told not to, and the kernel then reads 2
/// MiB of the mount at each first fault, whatever its read-ahead: 154 MiB instead of 4 up to the guest's first answer (measured). QEMU
/// ignores the failure.
/// </remarks>
public static class SyscallFilter
{
    private const uint Allow = 0x7fff0000;
    private const uint KillProcess = 0x80000000;
    private const uint Errno = 0x00050000;
    private const uint EInval = 22;
    private const uint MadvHugepage = 14;

    // Offsets in struct seccomp_data { int nr; u32 arch; u64 ip; u64 args[6]; }, little endian.
    private const uint OffsetNumber = 0;
    private const uint OffsetArch = 4;
    private const uint OffsetArg2 = 16 + (2 * 8);

    // linux/bpf_common.h
    private const ushort Load = 0x20;           // BPF_LD | BPF_W | BPF_ABS
    private const ushort JumpIfEqual = 0x15;    // BPF_JMP | BPF_JEQ | BPF_K
    private const ushort JumpIfAtLeast = 0x35;  // BPF_JMP | BPF_JGE | BPF_K
    private const ushort Return = 0x06;         // BPF_RET | BPF_K

    /// <summary>x32 calls have the x86-64 arch and this bit in the number; no call of arm64 has so high a number.</summary>
    private const uint X32Bit = 0x40000000;

    /// <summary>The program for a processor: struct sock_filter[] as bubblewrap's --seccomp reads it.</summary>
    /// <exception cref="VmPodException">VmPod has no filter for this processor (exit code 9).</exception>
    public static byte[] Program(Architecture architecture)
    {
        (uint arch, uint madvise) = architecture switch
        {
            Architecture.X64 => (0xC000003Eu, 28u),
            Architecture.Arm64 => (0xC00000B7u, 233u),
            _ => throw new VmPodException(ExitCode.Missing, $"VmPod has no system call filter for {architecture}."),
        };
        (ushort Code, byte IfTrue, byte IfFalse, uint Value)[] program =
        [
            (Load, 0, 0, OffsetArch),
            (JumpIfEqual, 0, 7, arch),              // another ABI: kill
            (Load, 0, 0, OffsetNumber),
            (JumpIfAtLeast, 5, 0, X32Bit),          // x32: kill
            (JumpIfEqual, 0, 3, madvise),           // not madvise: allow
            (Load, 0, 0, OffsetArg2),
            (JumpIfEqual, 0, 1, MadvHugepage),      // other advice: allow
            (Return, 0, 0, Errno | EInval),
            (Return, 0, 0, Allow),
            (Return, 0, 0, KillProcess),
        ];
        var bytes = new byte[program.Length * 8];
        for (int i = 0; i < program.Length; i++)
        {
            Span<byte> at = bytes.AsSpan(i * 8, 8);
            BinaryPrimitives.WriteUInt16LittleEndian(at, program[i].Code);
            at[2] = program[i].IfTrue;
            at[3] = program[i].IfFalse;
            BinaryPrimitives.WriteUInt32LittleEndian(at[4..], program[i].Value);
        }
        return bytes;
    }
}
