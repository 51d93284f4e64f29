using VmPod.Vault.Format;

namespace VmPod.Vault.Codecs;

/// <summary>Finds pages by what is in them, among those that payloads hold already.</summary>
internal interface IPageSource
{
    /// <summary>
    /// A page that has just these bytes: all 4,096 were compared (rule 1). Its target is a payload in which it stands as itself, and which is sealed.
    /// </summary>
    bool TryFind(ReadOnlySpan<byte> page, out PageTarget target, out int number);
}
