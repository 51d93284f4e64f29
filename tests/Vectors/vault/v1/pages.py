"""Vectors of tables of pages and of payloads of pages (V-140 to V-147)."""
import ctypes
import hashlib

from common import A, C, D, LEASE_ID, be, case, varint

# Tables of pages: values of the map that say where each page comes from.

ZERO, OWN, TARGET, DIFFERENCE = range(4)


def zigzag(step):
    return varint(2 * step if step >= 0 else -2 * step - 1)


def birth_new(lease=LEASE_ID, commit=7):
    return b"\0" + lease + varint(commit)


def cell_new(cell):
    return b"\0" + cell


def number(value):
    """A birth or a cell that was written out before, counted from 1."""
    return varint(value)


def target(stream, step, birth, slot, cells):
    return varint(stream) + zigzag(step) + birth + varint(slot * 8 + len(cells) - 1) + b"".join(cells)


def table(kinds, targets, names=(), count=None):
    packed = sum(kind << 2 * page for page, kind in enumerate(kinds))
    return be(packed, 4) + varint(len(targets) if count is None else count) + b"".join(targets) + bytes(t * 16 + page for t, page in names)


def paged(data, cell=A, slot=0):
    """A payload and a table."""
    return bytes([1 | 8]) + LEASE_ID + varint(7) + cell + varint(slot) + data


def named(data, birth=None):
    """A table alone (kind 4)."""
    return bytes([4 | 8]) + (birth_new() if birth is None else birth) + data


def page_tables():
    key = varint(5) + varint(0)
    t0, t1 = target(3, 9, birth_new(commit=5), 2, [cell_new(C)]), target(3, -8, number(1), 0, [number(1), cell_new(D)])
    every = table([ZERO, OWN, TARGET, DIFFERENCE, TARGET], [t0, t1], [(0, 4), (1, 0), (0, 15)])
    # The second and third chunk name births and cells by their numbers; the steps go on from target to target, and a kind 4 is no payload before.
    whole_of_others = varint(0) + varint(1) + named(table([TARGET] * 16, [target(3, 1, number(1), 1, [number(2)])], [(0, 15 - i) for i in range(16)]),
           birth=birth_new())
    same_cell = varint(0) + varint(1) + bytes([2 | 8]) + varint(1) + table([OWN, TARGET], [target(4, -2, number(2), 10_922, [number(1)])], [(0, 1)])
    delta = table([], [target(5, 0, birth_new(commit=6), 0, [cell_new(C)]), target(5, 1, number(1), 1, [number(1)]), target(5, 2, number(1), 0, [cell_new(D)])])
    six = target(3, 0, birth_new(), 0, [cell_new(hashlib.sha256(bytes([i])).digest()) for i in range(6)])
    good = [("all-kinds", "every kind of page, two targets; then chunks that name what was written out by number",
           key + paged(every) + whole_of_others + same_cell),
            ("named-only", "a chunk all of whose pages are those of others", key + named(table([TARGET], [t0], [(0, 0)]))),
            ("delta", "a difference from three chunks", key + paged(delta)),
            ("delta-of-one", "a difference from one chunk, of another stream and before a plain value",
             key + paged(table([], [t0])) + varint(0) + varint(1) + bytes([2]) + varint(1)),
            ("target-in-six-cells", "a target that touches six cells", key + paged(table([DIFFERENCE], [six], [(0, 3)]))),
            ("sixteen-targets", "each page is of another target", key + named(table([TARGET] * 16, [target(3, 1, birth_new() if i == 0 else number(1), 0,
             [cell_new(C) if i == 0 else number(1)]) for i in range(16)], [(i, i) for i in range(16)]), birth=birth_new(commit=8)))]
    for file, name, data in good:
        case("map-leaf", f"pages-{file}", "ok", name, bytes=data)

    def refuse(file, name, data):
        case("map-leaf", f"pages-{file}", "refuse", f"a table of pages that is not canonical: {name}", bytes=key + data)

    one = [TARGET]
    refuse("none", "a chunk without a payload and without a table", b"\4" + birth_new())
    refuse("named-with-cells", "a chunk without a payload that touches further cells", bytes([0x1C]) + birth_new() + table(one, [t0], [(0, 0)]))
    refuse("zero-with-table", "a zero chunk with a table", b"\x08" + table(one, [t0], [(0, 0)]))
    refuse("payload-missing", "a page stands in the own payload, and there is none", named(table([OWN, TARGET], [t0], [(0, 0)])))
    refuse("payload-missing-difference", "a difference, and no payload", named(table([DIFFERENCE], [t0], [(0, 0)])))
    refuse("payload-missing-delta", "a delta, and no payload", named(table([], [t0])))
    refuse("payload-extra", "a payload of which no page is", paged(table(one, [t0], [(0, 0)])))
    refuse("no-target", "no target", paged(table([OWN], [])))
    refuse("seventeen-targets", "more targets than pages", named(table([TARGET] * 16, [t0] + [target(3, 1, number(1), 0, [number(1)])] * 16, [(i,
           0) for i in range(16)])))
    refuse("target-not-named", "a target that no page names", paged(table([OWN, TARGET], [t0, t1], [(0, 4)])))
    refuse("target-beyond", "a page of a target that is not there", named(table(one, [t0], [(1, 0)])))
    refuse("targets-in-other-order", "the second target is named first", named(table([TARGET, TARGET], [t0, t1], [(1, 0), (0, 0)])))
    refuse("two-of-one-birth", "two targets with one birth name", named(table([TARGET, TARGET], [t0, target(3, 0, number(2), 1, [number(1)])],
                                                                    [(0, 0), (1, 0)])))
    refuse("differences-from-two", "differences from two targets", paged(table([DIFFERENCE, DIFFERENCE], [t0, t1], [(0, 4), (1, 4)])))
    refuse("name-missing", "a page without its byte", named(table([TARGET, TARGET], [t0], [(0, 0)])))
    refuse("name-extra", "a byte more than pages", named(table(one, [t0], [(0, 0), (0, 1)])))
    refuse("delta-of-four", "a delta from four chunks",
           paged(table([], [t0] + [target(3, 1, number(1), i, [number(1)]) for i in range(3)])))
    refuse("delta-of-two-streams", "a delta from two streams", paged(table([], [t0, target(4, 1, number(1), 0, [number(1)])])))
    refuse("delta-falling", "a delta from chunks that fall", paged(table([], [t0, target(3, -1, number(1), 0, [number(1)])])))
    refuse("delta-twice", "a delta from one chunk twice", paged(table([], [t0, target(3, 0, birth_new(commit=6), 0, [number(1)])])))
    refuse("delta-with-names", "a delta with bytes behind it", paged(table([], [t0], [(0, 0)])))
    refuse("birth-twice", "a birth is written out twice",
           named(table([TARGET, TARGET], [t0, target(3, 1, birth_new(commit=5), 0, [number(1)])], [(0, 0), (1, 0)])))
    refuse("birth-number-beyond", "the number of a birth that was not written out", named(table(one, [target(3, 9, number(2), 0, [cell_new(C)])], [(0, 0)])))
    refuse("birth-zero", "a birth of zeros", named(table(one, [target(3, 9, birth_new(bytes(8), 0), 0, [cell_new(C)])], [(0, 0)])))
    refuse("own-birth-zero", "a chunk without a payload whose birth is zeros", named(table(one, [t0], [(0, 0)]), birth=birth_new(bytes(8), 0)))
    refuse("cell-twice", "a cell is written out twice",
           named(table([TARGET, TARGET], [t0, target(3, 1, number(1), 0, [cell_new(C)])], [(0, 0), (1, 0)])))
    refuse("cell-number-beyond", "the number of a cell that was not written out", named(table(one, [target(3, 9, birth_new(commit=5), 0, [number(1)])], [(0,
           0)])))
    refuse("cell-zero", "a target without an id", named(table(one, [target(3, 9, birth_new(commit=5), 0, [cell_new(bytes(32))])], [(0, 0)])))
    seven = [cell_new(hashlib.sha256(bytes([i])).digest()) for i in range(7)]
    refuse("target-in-seven-cells", "a target that touches more cells than a payload can", named(table(one, [target(3, 9, birth_new(commit=5), 0, seven)],
           [(0, 0)])))
    refuse("target-slot", "a slot beyond a cell's lines", named(table(one, [target(3, 9, birth_new(commit=5), 10_923, [cell_new(C)])], [(0, 0)])))
    refuse("target-before-0", "a target before the first chunk", named(table(one, [target(3, -1, birth_new(commit=5), 0, [cell_new(C)])], [(0, 0)])))
    refuse("target-beyond-16-TiB", "a target behind a stream's end", named(table(one, [target(3, (1 << 28) + 1, birth_new(commit=5), 0, [cell_new(C)])],
           [(0, 0)])))
    refuse("target-of-structure", "a target that is the vault's own structure",
           named(table(one, [target(0xFFFFFF00, 9, birth_new(commit=5), 0, [cell_new(C)])], [(0, 0)])))
    long_step = named(table(one, [varint(3) + b"\x92\x00" + birth_new(commit=5) + varint(16) + cell_new(C)], [(0, 0)]))
    refuse("long-number", "a step that is not in its shortest form", long_step)


# Payloads of pages

def page(seed):
    """512 bytes that nothing else has, and zeros."""
    return b"".join(hashlib.sha256(b"page" + bytes([seed, i])).digest() for i in range(16)) + bytes(4096 - 512)


class Frames:
    """libzstd by ctypes: frames alone, or with bytes that stand before them."""

    def __init__(self):
        self.lib = ctypes.CDLL("libzstd.so.1")
        for name in ("ZSTD_createCCtx", "ZSTD_CCtx_refPrefix", "ZSTD_compress2", "ZSTD_compressBound"):
            getattr(self.lib, name).restype = ctypes.c_void_p if name == "ZSTD_createCCtx" else ctypes.c_size_t
        self.context = ctypes.c_void_p(self.lib.ZSTD_createCCtx())

    def make(self, data, prefix=b""):
        out = ctypes.create_string_buffer(len(data) + 1024)
        self.lib.ZSTD_CCtx_refPrefix(self.context, prefix, ctypes.c_size_t(len(prefix)))
        length = self.lib.ZSTD_compress2(self.context, out, ctypes.c_size_t(len(out)), data, ctypes.c_size_t(len(data)))
        assert length <= len(out)
        return out.raw[:length]


def payloads():
    frames = Frames()
    patch, pageref, delta = 3, 4, 5
    old, own = [page(i) for i in range(3)], [page(i) for i in range(10, 13)]
    changed = [bytes([old[0][0] ^ 1]) + old[0][1:], old[2][:200] + b"!" + old[2][201:]]
    skippable = bytes.fromhex("502a4d18") + (4).to_bytes(4, "little") + b"here"

    def payload(file, expect, name, codec, data, plain=b"", prefix=b"", pages=0, differences=0, length=65_536):
        case("payload", file, expect, name, codec=bytes([codec]), length=length, pages=f"{pages:04x}", differences=f"{differences:04x}", prefix=prefix,
               bytes=data,
             plain=plain)

    # Pages 1 and 3 of a chunk, as they are and in a frame; a last page of a chunk of two.
    two, mask = own[0] + own[1], be(0b1010, 2)
    payload("pageref-frame", "ok", "two pages in a frame", pageref, mask + frames.make(two), two, pages=0b1010)
    payload("pageref-as-they-are", "ok", "two pages as they are", pageref, mask + two, two, pages=0b1010)
    payload("pageref-short-chunk", "ok", "the last page of a chunk of two", pageref, be(2, 2) + own[2], own[2], pages=2, length=8192)
    payload("pageref-all", "ok", "all pages of a chunk", pageref, be(0xFFFF, 2) + frames.make(own[0] * 16), own[0] * 16, pages=0xFFFF)
    # Page 4 as it is, pages 0 and 15 as differences from two pages of one target.
    three, prefix, patch_head = changed[0] + own[0] + changed[1], old[0] + old[2], be(0x8011, 2) + be(0x8001, 2)
    payload("patch", "ok", "a page as it is between two differences", patch, patch_head + frames.make(three, prefix), three, prefix, 0x8011, 0x8001)
    payload("patch-of-one-page-twice", "ok", "two differences from one page", patch, be(3, 2) + be(3, 2) + frames.make(changed[0] * 2, old[0] * 2),
           changed[0] * 2,
            old[0] * 2, 3, 3)
    chunk, before = b"more" + old[0] + old[1][:700], old[0] + old[1]
    payload("delta", "ok", "a chunk of odd length that shifted", delta, frames.make(chunk, before), chunk, before, length=len(chunk))

    bad = [("pageref-no-pages", "no page is here", pageref, be(0, 2) + frames.make(two)), ("pageref-header-only", "no bytes behind the header", pageref, mask),
           ("pageref-header-cut", "half of a header", pageref, b"\0"), ("pageref-short", "pages as they are that lack a byte", pageref, mask + two[:-1]),
           ("pageref-long", "pages as they are with a byte more", pageref, mask + two + b"\0"),
           ("pageref-frame-of-less", "a frame of one page for two", pageref, mask + frames.make(own[0])),
           ("pageref-frame-of-more", "a frame of three pages for two", pageref, mask + frames.make(two + own[2])),
           ("pageref-frame-cut", "a frame that lacks a byte", pageref, mask + frames.make(two)[:-1]),
           ("pageref-frame-trailing", "a byte behind a frame", pageref, mask + frames.make(two) + b"\0"),
           ("pageref-two-frames", "two frames", pageref, mask + frames.make(own[0]) + frames.make(own[1])),
           ("pageref-skippable-frame", "a frame to skip, and a frame", pageref, mask + skippable + frames.make(two)),
           ("pageref-frame-with-prefix", "a frame that leans on what is not there", pageref, mask + frames.make(old[0] * 2, old[0]))]
    for file, name, codec, data in bad:
        payload(file, "refuse", f"a payload of pages that is refused: {name}", codec, data, two, pages=0b1010)
    frame = frames.make(three, prefix)
    bad = [("patch-no-pages", "no page is here", be(0, 2) + be(0, 2) + frame), ("patch-no-differences", "no difference", be(0x8011, 2) + be(0, 2) + frame),
           ("patch-difference-not-here", "a difference that is none of the pages", be(0x8011, 2) + be(0x8003, 2) + frame),
           ("patch-header-cut", "half of a header", patch_head[:3]), ("patch-header-only", "no frame", patch_head),
           ("patch-as-they-are", "pages as they are", patch_head + three), ("patch-frame-of-less", "a frame of two pages for three",
           patch_head + frames.make(three[:8192], prefix)),
           ("patch-frame-of-more", "a frame of four pages for three", patch_head + frames.make(three + own[1], prefix)),
           ("patch-frame-cut", "a frame that lacks a byte", patch_head + frame[:-1]), ("patch-frame-trailing", "a byte behind the frame",
           patch_head + frame + b"\0"),
           ("patch-skippable-frame", "a frame, and a frame to skip", patch_head + frame + skippable)]
    for file, name, data in bad:
        payload(file, "refuse", f"a patch that is refused: {name}", patch, data, three, prefix, 0x8011, 0x8001)
    payload("patch-prefix-missing", "refuse", "a patch without the pages that it is from", patch, patch_head + frame, three, b"", 0x8011, 0x8001)
    frame = frames.make(chunk, before)
    bad = [("delta-of-less", "a frame of less than the chunk", frames.make(chunk[:-1], before)), ("delta-of-more", "a frame of more than the chunk",
           frames.make(chunk + b"x", before)),
           ("delta-cut", "a frame that lacks a byte", frame[:-1]), ("delta-trailing", "a byte behind the frame", frame + b"\0"), ("delta-no-frame",
           "no frame", b"delta"),
           ("delta-skippable-frame", "a frame, and a frame to skip", frame + skippable), ("delta-empty-frame", "a frame, and one of nothing",
           frame + frames.make(b""))]
    for file, name, data in bad:
        payload(file, "refuse", f"a delta that is refused: {name}", delta, data, chunk, before, length=len(chunk))
    payload("delta-prefix-missing", "refuse", "a delta without the chunks that it is from", delta, frame, chunk, b"", length=len(chunk))


def chunks():
    """A value of the map, the payloads that it names (codec u8, rawLength u24, bytes), and the chunk that they make."""
    frames, key = Frames(), varint(5) + varint(0)
    raw, zstd, patch, pageref, delta = range(1, 6)
    whole = page(20) + bytes(4096) + page(22) + bytes(65_536 - 3 * 4096)
    own, old, some = page(30), whole[2 * 4096:3 * 4096], page(31)
    changed = old[:100] + b"?" + old[101:]
    t0, t1 = target(3, 9, birth_new(commit=5), 2, [cell_new(C)]), target(3, 1, number(1), 3, [number(1)])
    of_whole, of_some = (zstd, 65_536, frames.make(whole)), (pageref, 65_536, be(0b1000, 2) + frames.make(some))

    def chunk(file, name, value, plain=None, length=65_536, **given):
        given = {label.replace("_", "-"): bytes([codec]) + be(raw_length, 3) + data for label, (codec, raw_length, data) in given.items()}
        case("chunk", file, "refuse" if plain is None else "ok", name, length=length, bytes=key + value, plain=plain or b"", **given)

    mixed = paged(table([TARGET, OWN, ZERO, DIFFERENCE, TARGET], [t0, t1], [(0, 0), (0, 2), (1, 3)]))
    of_mixed = be(0b1010, 2) + be(0b1000, 2) + frames.make(own + changed, old)
    plain = whole[:4096] + own + bytes(4096) + changed + some + bytes(65_536 - 5 * 4096)
    chunk("mixed", "pages of two payloads, a difference and a page of its own", mixed, plain, own=(patch, 65_536, of_mixed), target_0=of_whole,
           target_1=of_some)
    simple, of_simple = paged(table([OWN, TARGET], [t0], [(0, 2)])), (pageref, 8192, be(1, 2) + own)
    chunk("short", "the last chunk, of two pages", simple, own + old, 8192, own=of_simple, target_0=of_whole)
    chunk("of-a-short-target", "a page of a chunk that is no whole number of pages", simple, own + page(20), 8192, own=of_simple,
          target_0=(zstd, 12_300, frames.make(bytes(8192) + page(20) + b"shortshortsh")))
    alone = named(table([TARGET], [t0], [(0, 0)]))
    chunk("named", "no payload of its own", alone, page(20), 4096, target_0=of_whole)
    shifted = b"moved" + whole[:9000] + page(40)[:1000]
    of_two = paged(table([], [t0, t1]))
    chunk("delta", "an odd length, out of a chunk and a short one", of_two, shifted, len(shifted), own=(delta, len(shifted), frames.make(shifted,
           whole + page(40))),
          target_0=of_whole, target_1=(zstd, 4096, frames.make(page(40))))

    same = {"length": 8192, "target_0": of_whole}
    chunk("codec-patch", "no page is a difference, and the payload is a patch", simple, own=(patch, 8192, be(1, 2) + be(1, 2) + frames.make(own)), **same)
    chunk("codec-zstd", "a table, and a payload that is a whole chunk", simple, own=(zstd, 8192, frames.make(own * 2)), **same)
    chunk("codec-delta", "a table with kinds, and a delta", simple, own=(delta, 8192, frames.make(own * 2, whole)), **same)
    different = paged(table([DIFFERENCE, TARGET], [t0], [(0, 2), (0, 0)]))
    chunk("codec-pageref", "a page is a difference, and the payload has none", different, own=(pageref, 8192, be(1, 2) + own), **same)
    chunk("differences-others", "another page is the difference", paged(table([DIFFERENCE, OWN], [t0], [(0, 2)])),
          own=(patch, 8192, be(3, 2) + be(2, 2) + frames.make(own + changed, old)), **same)
    chunk("pages-more", "a page more than the table says", simple, own=(pageref, 8192, be(3, 2) + frames.make(own * 2)), **same)
    chunk("pages-others", "another page than the table says", simple, own=(pageref, 8192, be(2, 2) + own), **same)
    chunk("length-other", "the payload is of a longer chunk", simple, own=(pageref, 65_536, be(1, 2) + own), **same)
    chunk("kinds-beyond", "a page behind the chunk's end", paged(table([OWN, TARGET, TARGET], [t0], [(0, 2), (0, 0)])), own=of_simple, **same)
    chunk("odd-length", "pages of a chunk that is no whole number of them", simple, length=8000, own=(pageref, 8000, be(1, 2) + own), target_0=of_whole)
    for file, name, payload in [("patch", "a patch", (patch, 65_536, be(4, 2) + be(4, 2) + frames.make(changed, old))), ("delta", "a delta", (delta, 65_536,
           frames.make(whole, whole))),
                                ("without-page", "a payload of pages without this one", of_some), ("short", "a chunk that ends before it", (zstd, 12_287,
                                frames.make(whole[:12_287])))]:
        chunk(f"target-{file}", f"a page of {name}", simple, length=8192, own=of_simple, target_0=payload)
    plain_value = bytes([1]) + LEASE_ID + varint(7) + A + varint(0)
    chunk("pageref-without-table", "pages, and no table", plain_value, own=(pageref, 65_536, be(1, 2) + own))
    chunk("delta-without-table", "a delta, and no table", plain_value, own=(delta, 65_536, frames.make(whole, whole)))
    # The leaf's key is chunk 0: groups that begin there.
    shared = bytes([2]) + be(1, 2) + bytes([1]) + be(0xFFFF, 2)
    of_shared = (6, 17 * 4096, shared + frames.make(own + whole))
    chunk("group", "its own page in a frame with others", simple, own + old + bytes(65_536 - 8192), own=of_shared, target_0=of_whole)
    wholes = (6, 131_072, bytes([2]) + be(0xFFFF, 2) + bytes([1]) + be(0xFFFF, 2) + frames.make(whole + own * 16))
    chunk("group-without-table", "all of a chunk in a frame with another", plain_value, whole, own=wholes)
    chunk("group-of-pages-without-table", "a page of a chunk, and no table", plain_value, own=of_shared)
    chunk("group-pages-more", "a page more than the table says", simple,
          own=(6, 18 * 4096, bytes([2]) + be(3, 2) + bytes([1]) + be(0xFFFF, 2) + frames.make(own * 2 + whole)), target_0=of_whole)
    chunk("group-for-a-difference", "a page is a difference, and the payload is shared", different, own=of_shared, target_0=of_whole)
    chunk("group-for-a-short-chunk", "a chunk of eight KiB alone, and the payload is shared", plain_value, length=8192, own=wholes)
    chunk("target-group", "a page of a payload that chunks share", simple, own + old, 8192, own=of_simple,
          target_0=(6, 17 * 4096, bytes([2]) + be(0xFFFF, 2) + bytes([1]) + be(1, 2) + frames.make(whole + own)))
    chunk("target-group-without-page", "a page that the shared payload does not have", simple, length=8192, own=of_simple,
          target_0=(6, 8192, bytes([2]) + be(1, 2) + bytes([1]) + be(1, 2) + frames.make(own * 2)))
    of_one = paged(table([], [t0]))
    chunk("delta-of-group", "a delta from a payload that chunks share", of_one, own=(delta, 65_536, frames.make(whole, whole)),
          target_0=(6, 131_072, bytes([2]) + be(0xFFFF, 2) + bytes([1]) + be(0xFFFF, 2) + frames.make(whole + own * 16)))
    chunk("delta-of-pages", "a delta from a payload of pages", of_one, own=(delta, 65_536, frames.make(whole, whole)), target_0=(pageref, 65_536, be(1,
           2) + own))
    chunk("delta-is-zstd", "a table without kinds, and a whole chunk", of_one, own=of_whole, target_0=of_whole)


def groups():
    """A payload that chunks share (V-147): one of them, which of its pages stand there, and they."""
    frames = Frames()
    own = [page(50 + i) for i in range(5)]
    two = bytes([2]) + be(0b11, 2) + bytes([1]) + be(0x8000, 2)
    joined = b"".join(own[:3])
    frame = frames.make(joined)

    def group(file, expect, name, data, chunk=7, length=3 * 4096, pages=0, plain=b"", first=7):
        case("group", file, expect, name, first=first, length=length, bytes=data, chunk=chunk, pages=f"{pages:04x}", plain=plain)

    group("first", "ok", "the first of two chunks", two + frame, 7, pages=0b11, plain=own[0] + own[1])
    group("last", "ok", "the last of two chunks", two + frame, 8, pages=0x8000, plain=own[2])
    far = bytes([3]) + be(1, 2) + bytes([255]) + be(2, 2) + bytes([1]) + be(4, 2)
    group("far", "ok", "a chunk 255 behind the first", far + frame, 262, pages=2, plain=own[1])
    whole = page(60) * 16
    four = bytes([4]) + be(0xFFFF, 2) + 3 * (bytes([1]) + be(0xFFFF, 2))
    group("of-whole-chunks", "ok", "the third of four whole chunks", four + frames.make(whole + own[0] * 16 + own[1] * 16 + whole), 9, 4 * 65_536, 0xFFFF,
          own[1] * 16)
    sixteen = bytes([16]) + be(1, 2) + 15 * (bytes([2]) + be(1, 2))
    group("of-sixteen", "ok", "the last of sixteen", sixteen + frames.make(own[0] * 15 + own[1]), 37, 16 * 4096, 1, own[1])

    refuse = lambda file, name, data, **given: group(file, "refuse", name, data, plain=own[0] + own[1], pages=0b11, **given)
    refuse("of-none", "no chunk", bytes([0]) + frame)
    refuse("of-one", "a chunk alone", bytes([1]) + be(0b111, 2) + frame)
    refuse("of-seventeen", "seventeen chunks", bytes([17]) + be(1, 2) + 16 * (bytes([1]) + be(1, 2)) + frames.make(own[0] * 17), length=17 * 4096)
    refuse("step-0", "a chunk twice", bytes([2]) + be(0b11, 2) + bytes([0]) + be(0x8000, 2) + frame)
    refuse("no-pages-first", "the first chunk has no page", bytes([2]) + be(0, 2) + bytes([1]) + be(7, 2) + frame)
    refuse("no-pages-last", "the last chunk has no page", bytes([2]) + be(7, 2) + bytes([1]) + be(0, 2) + frame)
    refuse("length-less", "the line says a page less", two + frame, length=2 * 4096)
    refuse("length-more", "the line says a page more", two + frame, length=4 * 4096)
    refuse("frame-of-less", "a frame of two pages for three", two + frames.make(joined[:8192]))
    refuse("frame-of-more", "a frame of four pages for three", two + frames.make(joined + own[3]))
    refuse("frame-cut", "a frame that lacks a byte", two + frame[:-1])
    refuse("frame-trailing", "a byte behind the frame", two + frame + b"\0")
    refuse("two-frames", "two frames", two + frames.make(own[0]) + frames.make(own[1] + own[2]))
    refuse("as-they-are", "pages as they are", two + joined)
    refuse("header-only", "no frame", two)
    refuse("header-cut", "half of a table", two[:4])
    refuse("not-in-it", "a chunk that is not in the group", far + frame, chunk=8)
    refuse("before-it", "a chunk before the first", two + frame, chunk=6)
    noise = b"".join(hashlib.sha256(b"noise" + i.to_bytes(4, "big")).digest() for i in range(65_536 // 32)) + bytes(65_536)
    refuse("too-long", "a payload longer than a chunk", bytes([2]) + be(0xFFFF, 2) + bytes([1]) + be(0xFFFF, 2) + frames.make(noise), length=131_072)
