using System.Runtime.InteropServices;
using System.Text;
using VmPod.Foundation;

namespace VmPod.HostGuard.Mount;

/// <summary>
/// A mount namespace of this process alone, so that nobody outside it and its children can even name the mount.
/// </summary>
/// <remarks>
/// unshare(2) acts on one thread, and .NET has several before Main; so that thread then replaces the whole process by a new run of the same
/// program (execve keeps the process id, standard streams, environment and exit code; there is no second process). Nothing marks the
/// second run: that its namespace differs from its parent's is the mark. Mounts are made slaves, not private: nothing spreads from here, but a
/// pod that is unmounted outside must disappear here as well, or its loss would never be seen and the pod could not be plugged out.
/// </remarks>
public static unsafe class PrivateNamespace
{
    private static readonly Lazy<bool> Private = new(Look);

    /// <summary>Whether this process has a mount namespace other than its parent's, from which mounts do not spread. Looked up
    /// once.</summary>
    public static bool IsPrivate => Private.Value;

    /// <summary>Returns at once if <see cref="IsPrivate"/>; otherwise does not return: the program begins again in a namespace of its
    /// own. To be called first in Main, before anything is opened.</summary>
    /// <exception cref="VmPodException">No right to make a namespace (exit code 9).</exception>
    public static void ReExecIfNeeded()
    {
        if (IsPrivate)
            return;
        if (Interop.unshare(Interop.CLONE_NEWNS) != 0
            || Interop.mount("none", "/", null, Interop.MS_REC | Interop.MS_SLAVE, 0) != 0)
        {
            throw new VmPodException(ExitCode.Missing, "A private mount namespace could not be made.",
                "Run as root, or with CAP_SYS_ADMIN (unshare --user --map-root-user).", Libc.Failure("unshare or mount"));
        }
        string program = File.ResolveLinkTarget("/proc/self/exe", returnFinalTarget: false)!.FullName;
        // As the kernel has it: "dotnet app.dll args" and "app args" both come back as they were given.
        byte[] commandLine = File.ReadAllBytes("/proc/self/cmdline");
        int count = commandLine.AsSpan().Count((byte)0);
        fixed (byte* first = commandLine)
        {
            byte** arguments = stackalloc byte*[count + 1];
            byte* at = first;
            for (int i = 0; i < count; i++)
            {
                arguments[i] = at;
                at += MemoryMarshal.CreateReadOnlySpanFromNullTerminated(at).Length + 1;
            }
            arguments[count] = null;
            _ = Interop.execv(program, arguments);
        }
        throw new VmPodException(ExitCode.Missing, "This program could not be started again in its own mount namespace.", null,
            Libc.Failure("execve"));
    }

    private static bool Look() => !Spreads() && NamespaceOf("self") is { } own && own != NamespaceOf(Interop.getppid().ToString(
        System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>Whether mounts made at the root are seen in other namespaces (mountinfo's optional fields).</summary>
    private static bool Spreads()
    {
        // "36 35 98:0 / / rw,noatime shared:1 master:2 - ext3 /dev/root rw": the mount point is field 4, optional fields end at "-".
        foreach (string line in File.ReadLines("/proc/self/mountinfo", Encoding.UTF8))
        {
            string[] fields = line.Split(' ');
            if (fields[4] == "/" && fields.Skip(6).TakeWhile(field => field != "-").Any(field => field.StartsWith("shared:", StringComparison.Ordinal)))
                return true;
        }
        return false;
    }

    /// <summary>Null for a process that cannot be looked at: the init of a container has no parent here, and then the parent's namespace
    /// is not ours.</summary>
    private static string? NamespaceOf(string process)
    {
        try
        {
            return File.ResolveLinkTarget($"/proc/{process}/ns/mnt", returnFinalTarget: false)?.Name;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
