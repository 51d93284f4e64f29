namespace VmPod.PodKeeper.Tests.Simulation;

/// <summary>The simulated power went in the middle of a call of the disk. No error of the disk: nothing of the product catches it on purpose.</summary>
internal sealed class PowerCutException : Exception;
