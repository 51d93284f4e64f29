"""Cells and what is packed into them (V-02, V-06 to V-17, V-147)."""
from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Callable, Generic, Hashable, TypeVar

from cursor import Cursor
from errors import damaged, require
from keyring import Keyring, LeaseKeys, Session
from primitives import Suite, Zstd
from store import Store
from tables import CHUNK, PAGE, Birth, Place

RAW, ZSTD, PATCH, PAGEREF, DELTA, GROUP = range(1, 7)
GROUP_CHUNKS, GROUP_BYTES = 16, 4 * CHUNK
LINE_BYTES, HEAD_BYTES = 24, 48
K, V = TypeVar("K", bound=Hashable), TypeVar("V")


class Cache(Generic[K, V]):
    """The most recently used of what is made from keys."""

    def __init__(self, most: int, make: Callable[[K], V]) -> None:
        self.most, self.make, self.held = most, make, OrderedDict[K, V]()

    def get(self, key: K) -> V:
        if key not in self.held:
            self.held[key] = self.make(key)
            if len(self.held) > self.most:
                self.held.popitem(last=False)
        self.held.move_to_end(key)
        return self.held[key]


@dataclass(frozen=True)
class Line:
    stream: int
    chunk: int
    codec: int
    part: int
    goes_on: bool
    raw_length: int
    data: bytes


@dataclass(frozen=True)
class Content:
    """An opened cell."""
    birth: Birth
    ordinal: int
    lines: tuple[Line, ...]


def parse_content(plain: bytes, handle: bytes, lease: int) -> Content:
    """V-11 to V-13."""
    c = Cursor(plain)
    c.expect(b"\1\0\0\0")
    count, session, of_lease, commit, ordinal = c.be(4), c.take(16), c.be(8), c.be(8), c.be(8)
    require((session, of_lease) == (handle, lease), "a cell is another session's or lease's")
    require(1 <= count <= (len(plain) - HEAD_BYTES) // LINE_BYTES, "a cell's directory does not fit")
    body = c.at + count * LINE_BYTES
    lines: list[Line] = []
    end = 0
    for i in range(count):
        stream, chunk, codec, part, raw, offset, length, last = c.be(4), c.be(8), c.be(1), c.be(1), c.be(3), c.be(3), c.be(3), c.be(1)
        number, goes_on = part & 0x7F, part >= 0x80
        require(RAW <= codec <= GROUP and 1 <= raw <= (GROUP_BYTES if codec == GROUP else CHUNK) and length >= 1 and last == 0,
                "a line of a cell is not canonical")
        require(offset == end and (i == 0 or number == 0) and (i == count - 1 or not goes_on), "the lines of a cell do not fit together")
        end = offset + length
        require(body + end <= len(plain), "a payload goes beyond its cell")
        lines.append(Line(stream, chunk, codec, number, goes_on, raw, plain[body + offset:body + end]))
    require(not any(plain[body + end:]), "something stands behind the last payload")
    return Content((of_lease, commit), ordinal, tuple(lines))


@dataclass(frozen=True)
class Payload:
    """All parts of one, joined; not decoded. Of a group: what it has of one chunk, decoded, and which pages those are."""
    stream: int
    chunk: int
    codec: int
    raw_length: int
    data: bytes
    mask: int = 0


@dataclass(frozen=True)
class Pages:
    """What stands in a payload of codec 3 or 4: which pages (bit by bit), which of them as differences, and the pages by their number in the chunk."""
    mask: int
    differences: int
    by_number: dict[int, bytes]


def read_pages(zstd: Zstd, codec: int, data: bytes, raw_length: int, prefix: bytes) -> Pages:
    """V-143, V-144."""
    require(codec in (PATCH, PAGEREF) and raw_length % PAGE == 0, "a payload has a codec that is not its place's")
    c = Cursor(data)
    mask, differences = c.be(2), c.be(2) if codec == PATCH else 0
    require(mask != 0 and mask >> raw_length // PAGE == 0, "a payload has pages beyond its chunk, or none")
    require(differences & ~mask == 0 and (differences != 0) == (codec == PATCH), "a payload has differences that are none")
    numbers, body = [page for page in range(16) if mask >> page & 1], data[c.at:]
    length = PAGE * len(numbers)
    if codec == PAGEREF and len(body) == length:
        joined = body
    else:
        require(len(body) < length, "a payload is not shorter than its pages")
        joined = zstd.decode(body, length, prefix)
    return Pages(mask, differences, {number: joined[i * PAGE:(i + 1) * PAGE] for i, number in enumerate(numbers)})


def read_group(zstd: Zstd, data: bytes, raw_length: int, first: int) -> dict[int, tuple[int, bytes]]:
    """V-147: of each chunk which pages, and they."""
    require(len(data) <= CHUNK, "a group is longer than a payload may be")
    c = Cursor(data)
    count = c.be(1)
    require(2 <= count <= GROUP_CHUNKS, "a group has too few or too many chunks")
    masks: dict[int, int] = {}
    chunk = first
    for i in range(count):
        step = c.be(1) if i else 0
        require(i == 0 or step > 0, "a group has a chunk twice")
        chunk += step
        masks[chunk] = c.be(2)
        require(masks[chunk] != 0, "a group has a chunk without a page")
    pages = sum(mask.bit_count() for mask in masks.values())
    require(pages * PAGE == raw_length and len(data) - c.at < raw_length, "a group has other pages than its line says")
    joined, out, at = zstd.decode(data[c.at:], raw_length), {}, 0
    for chunk, mask in masks.items():
        end = at + PAGE * mask.bit_count()
        out[chunk] = (mask, joined[at:end])
        at = end
    return out


def open_cell(cell: bytes, cell_bytes: int, suite: Suite, leases: dict[int, LeaseKeys]) -> tuple[bytes, LeaseKeys]:
    """V-02, and V-08 in its order; the caller has compared the id. Gives what was sealed."""
    header, t, sealed = cell[:16], cell[16:48], cell[48:]
    right = b"VPR1" + bytes([suite.number, 0]) + (cell_bytes // 4096).to_bytes(2, "big")
    require(len(cell) == cell_bytes and header[:8] == right, "a cell has a header that is not this vault's")
    keys = leases.get(int.from_bytes(header[8:], "big"))
    if keys is None:
        raise damaged("a cell is of a lease that this session does not have")
    plain = suite.open(suite.mac(keys.kdf, t), sealed, header + t)
    require(plain is not None and suite.mac(keys.mac, header + plain) == t, "a cell does not open")
    return plain, keys


class CellReader:
    """Opens the cells of one session."""

    def __init__(self, store: Store, keyring: Keyring, session: Session) -> None:
        self.store, self.suite, self.session, self.zstd = store, keyring.suite, session, Zstd()
        self.opened: set[bytes] = set()
        self.cells: Cache[bytes, Content] = Cache(256, self.open)
        self.groups: Cache[tuple[bytes, int, int], dict[int, tuple[int, bytes]]] = Cache(8, lambda group: read_group(self.zstd, *group))

    def open(self, cell_id: bytes) -> Content:
        plain, keys = open_cell(self.store.cell(cell_id), self.store.descriptor.cell_bytes, self.suite, self.session.leases)
        content = parse_content(plain, self.session.handle, keys.lease)
        self.opened.add(cell_id)
        return content

    def payload(self, place: Place, stream: int, chunk: int | None = None) -> Payload:
        """V-14, V-16. Without a chunk: one of the structure's, which the map names by its place alone."""
        parts: list[Line] = []
        first: Content | None = None
        for i, cell_id in enumerate(place.cells):
            content = self.cells.get(cell_id)
            slot = place.slot if i == 0 else 0
            require(slot < len(content.lines) and content.birth == place.birth, "a cell is not the one that the map means")
            line = content.lines[slot]
            first = first or content
            head = parts[0] if parts else line
            require(line.part == i and content.ordinal == first.ordinal + i, "the parts of a payload are not in order")
            require((line.stream, line.chunk, line.codec, line.raw_length) == (head.stream, head.chunk, head.codec, head.raw_length),
                    "the parts of a payload are not of one")
            require(line.goes_on == (i < len(place.cells) - 1), "a payload has more or fewer parts than the map names")
            parts.append(line)
        line, data = parts[0], b"".join(part.data for part in parts)
        require(line.stream == stream and (line.codec == GROUP or chunk in (None, line.chunk)), "a cell holds another chunk than the map means")
        if line.codec != GROUP:
            return Payload(stream, line.chunk, line.codec, line.raw_length, data)
        group = self.groups.get((data, line.raw_length, line.chunk))
        require(chunk in group, "a group does not have the chunk that the map means")
        mask, pages = group[chunk]
        return Payload(stream, chunk, GROUP, CHUNK, pages, mask)

    def whole(self, payload: Payload) -> bytes:
        """V-17."""
        data = payload.data
        if payload.codec == GROUP:
            require(payload.mask == 0xFFFF, "a group does not have all of a chunk")
            return data
        if payload.codec == RAW:
            require(len(data) == payload.raw_length, "a raw payload has another length than its chunk")
            return data
        require(payload.codec == ZSTD and len(data) < payload.raw_length, "a payload has a codec that is not its place's")
        return self.zstd.decode(data, payload.raw_length)

    def pages(self, payload: Payload, prefix: bytes = b"") -> Pages:
        if payload.codec == GROUP:
            numbers = [page for page in range(16) if payload.mask >> page & 1]
            return Pages(payload.mask, 0, {number: payload.data[i * PAGE:(i + 1) * PAGE] for i, number in enumerate(numbers)})
        return read_pages(self.zstd, payload.codec, payload.data, payload.raw_length, prefix)
