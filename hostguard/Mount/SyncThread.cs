using System.Collections.Concurrent;

namespace VmPod.HostGuard.Mount;

/// <summary>The one thread that calls fsync on the mount: the call waits until serving threads have taken every dirty page.</summary>
internal sealed class SyncThread : IDisposable
{
    private readonly BlockingCollection<(HeldFile File, TaskCompletionSource Done)> work = [];
    private readonly Thread thread;

    internal SyncThread()
    {
        thread = new Thread(Run) { IsBackground = true, Name = "mount-sync" };
        thread.Start();
    }

    internal Task Sync(HeldFile file)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        work.Add((file, done));
        return done.Task;
    }

    /// <summary>Ends the thread after the work that it has. The caller has seen to it that the work ends (unmount or abort); if the kernel
    /// does not give the thread back even so, it is left behind.</summary>
    public void Dispose()
    {
        work.CompleteAdding();
        if (thread.Join(MountLimits.ForcedEnd))
            work.Dispose();
    }

    private void Run()
    {
        foreach ((HeldFile file, TaskCompletionSource done) in work.GetConsumingEnumerable())
        {
            try
            {
                file.Sync();
                done.SetResult();
            }
            catch (Exception error)
            {
                done.SetException(error);
            }
        }
    }
}
