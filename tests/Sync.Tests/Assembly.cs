using Xunit.Sdk;
using Xunit.v3;

// Many of these tests wait for a clock of the product (a handshake's five seconds, a beat's quarter of a second), and some measure one: beside others that
// keep both cores busy they would measure those.
[assembly: Parallelization(Mode = ParallelMode.None)]
