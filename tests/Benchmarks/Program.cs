using VmPod.Benchmarks;

return BenchCommand.Build().Parse(args).Invoke();
