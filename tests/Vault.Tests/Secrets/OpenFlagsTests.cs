using System.Runtime.InteropServices;
using VmPod.Foundation;
using Xunit;

namespace VmPod.Vault.Tests.Secrets;

/// <summary>The flags of open(2) are those of the machine.</summary>
public sealed class OpenFlagsTests
{
    [Fact]
    public void X64_and_arm64_have_their_own_flags_and_other_machines_are_refused()
    {
        Assert.Equal((0x10000, 0x20000), (OpenFlags.Of(Architecture.X64).Directory, OpenFlags.Of(Architecture.X64).NoFollow));
        Assert.Equal((0x4000, 0x8000), (OpenFlags.Of(Architecture.Arm64).Directory, OpenFlags.Of(Architecture.Arm64).NoFollow));
        Assert.Throws<PlatformNotSupportedException>(() => OpenFlags.Of(Architecture.S390x));
    }

    [Fact]
    public void On_this_machine_they_mean_what_they_say()
    {
        string folder = Directory.CreateTempSubdirectory("vmpod-flags-").FullName;
        try
        {
            string file = Path.Combine(folder, "file"), link = Path.Combine(folder, "link");
            File.WriteAllText(file, "x");
            File.CreateSymbolicLink(link, file);
            Libc.FsyncDirectory(folder);
            Assert.Contains("open of a folder", Assert.Throws<IOException>(() => Libc.FsyncDirectory(file)).Message, StringComparison.Ordinal);
            Libc.OpenFile(file, write: false, create: false)!.Dispose();
            Assert.Throws<IOException>(() => Libc.OpenFile(link, write: false, create: false));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
