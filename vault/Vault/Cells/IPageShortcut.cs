using VmPod.Vault.Format;

namespace VmPod.Vault.Cells;

/// <summary>A quicker way to a page of a target than to decode its payload: where that was done already.</summary>
internal interface IPageShortcut
{
    /// <summary>Reads page <paramref name="page"/> of the target into <paramref name="into"/>. False if it is not to be had this way.</summary>
    bool TryRead(in PageTarget target, int page, Span<byte> into);
}
