using VmPod.EndToEnd;
using Xunit;

[assembly: AssemblyFixture(typeof(BasePod))]
// Each test runs a virtual machine: two at once on two cores would only time each other out.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
