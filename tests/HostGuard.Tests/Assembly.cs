using Xunit.Sdk;
using Xunit.v3;

// Real machines and real mounts, whose threads, descriptors and locked memory are counted, and which wait for limits of the product: nothing beside them.
[assembly: Parallelization(Mode = ParallelMode.None)]
