using Xunit.Sdk;
using Xunit.v3;

// Servers and their hosts are in this process, and what they cost is measured as the process's memory; commands are other processes, which hold what this
// one has open until they have begun. Neither is for others beside it.
[assembly: Parallelization(Mode = ParallelMode.None)]
