using VmPod.Sync.Discovery;
using VmPod.Sync.Discovery.Browsing;
using VmPod.Sync.Discovery.Dns;

namespace VmPod.Sync.Tests.Discovery;

/// <summary>A browser with a clock of the test's, and all that it sent.</summary>
internal sealed class TestBrowser
{
    internal TestBrowser() => Browser = new LinkBrowser(TestLink.Of("10.77.0.2"), PodService.Type, p => Sent.Add((Now, TestLink.Read(p))), TimeSpan.Zero);

    internal LinkBrowser Browser { get; }

    internal TimeSpan Now { get; private set; }

    internal List<(TimeSpan At, DnsMessage Message)> Sent { get; } = [];

    /// <summary>Lets time pass, ten milliseconds at a time.</summary>
    internal TestBrowser Pass(double milliseconds)
    {
        for (TimeSpan end = Now + TestLink.Ms(milliseconds); Now < end; Now += TestLink.Ms(10))
            Browser.Run(Now);
        return this;
    }

    internal TestBrowser Hear(params DnsRecord[] answers)
    {
        Browser.Receive(TestLink.Say(answers), Now);
        return this;
    }
}
