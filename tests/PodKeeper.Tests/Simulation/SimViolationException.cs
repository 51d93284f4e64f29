namespace VmPod.PodKeeper.Tests.Simulation;

/// <summary>A simulated world broke one of the rules that always hold.</summary>
internal sealed class SimViolationException(string message, Exception? inner = null) : Exception(message, inner);
