using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace VmPod.HostGuard.Machine;

/// <summary>
/// Looks whether KVM can be meant seriously on this host. /dev/kvm alone says little: some clouds offer one that runs only special kernels.
/// </summary>
public static class AcceleratorProbe
{
    private const nuint KvmGetApiVersion = 0xAE00;
    private const int ApiVersion = 12;

    /// <summary>Looks at a host.</summary>
    /// <param name="device">The KVM device.</param>
    /// <param name="moduleFolder">/sys/module, or a stand-in.</param>
    public static AcceleratorReport Probe(string device = "/dev/kvm", string moduleFolder = "/sys/module")
    {
        if (RuntimeInformation.OSArchitecture != Architecture.X64)
            return Refused($"This host is {RuntimeInformation.OSArchitecture}, and sessions are x86-64 machines.", null);
        if (!File.Exists(device))
            return Refused($"There is no {device}.",
                "Turn on virtualisation in the firmware (or nested virtualisation in the hypervisor) and load kvm_intel or kvm_amd.");
        // Its vCPUs are created without an error, firmware runs, and a stock kernel then never leaves the instruction emulator (measured).
        if (Directory.Exists(Path.Combine(moduleFolder, "kvm_pvm")))
            return Refused("KVM here is kvm-pvm, which runs only kernels built for it.", "Use a host with VT-x or AMD-V.");
        SafeFileHandle handle;
        try
        {
            handle = File.OpenHandle(device, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Refused($"{device} cannot be opened.", $"Add this user to the group of {device} (kvm).");
        }
        using (handle)
        {
            int version = Interop.ioctl(handle, KvmGetApiVersion, 0);
            return version == ApiVersion
                ? new AcceleratorReport(true, [$"{device} speaks KVM API {ApiVersion}; the first boot proves it."], null)
                : Refused($"{device} does not speak KVM API {ApiVersion}.", null);
        }
    }

    private static AcceleratorReport Refused(string reason, string? cure) => new(false, [reason], cure);
}
