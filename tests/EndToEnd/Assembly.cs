using VmPod.EndToEnd;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

[assembly: AssemblyFixture(typeof(BasePod))]
// Each test runs a virtual machine: two at once on two cores would only time each other out.
[assembly: Parallelization(Mode = ParallelMode.None)]
