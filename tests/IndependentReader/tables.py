"""Leaves, tables of pages, runs and the manifest (V-21 to V-29, V-140 to V-142)."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator

from cursor import Cursor
from errors import damaged, require

PAGE, CHUNK = 4096, 65_536
ZERO_ID = bytes(32)
MANIFESTS, MAP_LEAVES, TAG_LEAVES, LISTS = (1 << 32) - 255, (1 << 32) - 254, (1 << 32) - 253, (1 << 32) - 252
STREAM_MOST, CHUNK_MOST, SLOT_MOST, FURTHER_MOST = (1 << 32) - 257, 1 << 28, 10_922, 5
ZERO, OWN, TARGET, DIFFERENCE = range(4)             # the kinds of a page (V-141)
Key = tuple[int, int]                                # stream, chunk
Birth = tuple[int, int]                              # lease, commit


@dataclass(frozen=True)
class Place:
    """Where a payload lies: the cells it touches, and its line in the first of them."""
    birth: Birth
    cells: tuple[bytes, ...]
    slot: int


@dataclass(frozen=True)
class Target:
    """A payload of another chunk, by its birth name and its place (V-142)."""
    stream: int
    chunk: int
    place: Place


@dataclass(frozen=True)
class PageTable:
    """V-141. `names` says for a page of kind 2 or 3 which target it is of, and which page there."""
    kinds: tuple[int, ...]
    targets: tuple[Target, ...]
    names: dict[int, tuple[int, int]]

    @property
    def is_delta(self) -> bool:
        """V-145: no page has a kind."""
        return not any(self.kinds)

    @property
    def has_payload(self) -> bool:
        return self.is_delta or OWN in self.kinds or DIFFERENCE in self.kinds

    def mask(self, *kinds: int) -> int:
        return sum(1 << page for page, kind in enumerate(self.kinds) if kind in kinds)


@dataclass(frozen=True)
class Value:
    """What the map says of a chunk. Neither a place nor a table: zeros."""
    place: Place | None = None
    table: PageTable | None = None

    @property
    def cells(self) -> Iterator[bytes]:
        for place in ([self.place] if self.place else []) + [t.place for t in (self.table.targets if self.table else ())]:
            yield from place.cells


class ValueReader:
    """Values in the order of a leaf or a list: what was written out before is named by fewer bytes (V-24, V-142)."""

    def __init__(self, here: bytes | None) -> None:
        self.here = here                             # the cell that a zero id means (V-25); None where there is no zero id
        self.before: Place | None = None             # as it is written, zero ids and all
        self.births: list[Birth] = []
        self.ids: list[bytes] = []
        self.target_chunk = 0

    def cell_id(self, c: Cursor) -> bytes:
        one = c.take(32)
        require(one != ZERO_ID or self.here is not None, "a zero id stands where none may")
        return one

    def real(self, place: Place) -> Place:
        return Place(place.birth, tuple(self.here if one == ZERO_ID and self.here else one for one in place.cells), place.slot)

    def birth(self, lease: int, commit: int) -> Birth:
        require(lease != 0 or commit != 0, "a birth is all zero")
        return lease, commit

    def value(self, c: Cursor, structure: bool = False) -> Value:
        first = c.be(1)
        kind, has_table, further = first & 7, bool(first & 8), first >> 4
        if first == 0:
            require(not structure, "a leaf has no place")
            return Value()
        require(1 <= kind <= 4 and further <= FURTHER_MOST and not (structure and (has_table or kind == 4)), "a value of the map has a kind that is not one")
        if kind == 4:
            require(has_table and further == 0, "a chunk without a payload has no table of pages")
            self.named_birth(c)
            table = self.table(c)
            require(not table.has_payload, "a chunk lacks its payload")
            return Value(None, table)
        before = self.before
        if kind == 1:
            birth = self.birth(c.be(8), c.num())
            cell = self.cell_id(c)
        else:
            require(before is not None, "the first payload of a leaf leans on one before")
            birth, cell = before.birth, before.cells[0 if kind == 2 else -1]
        could_be_2 = before is not None and (birth, cell) == (before.birth, before.cells[0])
        could_be_3 = before is not None and (birth, cell) == (before.birth, before.cells[-1])
        require(kind == (2 if could_be_2 else 3 if could_be_3 else 1), "a value of the map is not in its shortest form")
        slot = c.bounded(0, SLOT_MOST, "a slot")
        self.before = Place(birth, (cell, *(self.cell_id(c) for _ in range(further))), slot)
        table = self.table(c) if has_table else None
        require(table is None or table.has_payload, "a chunk has a payload that no page needs")
        return Value(self.real(self.before), table)

    def named_birth(self, c: Cursor) -> Birth:
        number = c.bounded(0, len(self.births), "the number of a birth")
        if number:
            return self.births[number - 1]
        birth = self.birth(c.be(8), c.num())
        require(birth not in self.births, "a birth is written out twice")
        self.births.append(birth)
        return birth

    def named_id(self, c: Cursor) -> bytes:
        number = c.bounded(0, len(self.ids), "the number of an id")
        if number:
            return self.ids[number - 1]
        one = c.take(32)
        require(one != ZERO_ID and one not in self.ids, "a target's cell is zero, or written out twice")
        self.ids.append(one)
        return one

    def target(self, c: Cursor) -> Target:
        stream, step = c.bounded(0, STREAM_MOST, "a target's stream"), c.num()
        self.target_chunk += step // 2 if step % 2 == 0 else -(step + 1) // 2
        require(0 <= self.target_chunk <= CHUNK_MOST, "a target's chunk is beyond a stream's end")
        birth = self.named_birth(c)
        slot, further = divmod(c.num(), 8)
        require(slot <= SLOT_MOST and further <= FURTHER_MOST, "a target's place is not one")
        return Target(stream, self.target_chunk, Place(birth, tuple(self.named_id(c) for _ in range(1 + further)), slot))

    def table(self, c: Cursor) -> PageTable:
        packed = c.be(4)
        kinds = tuple(packed >> 2 * page & 3 for page in range(16))
        targets = tuple(self.target(c) for _ in range(c.bounded(1, 16, "the count of targets")))
        require(len({(t.stream, t.chunk, t.place.birth) for t in targets}) == len(targets), "two targets have one birth name")
        names: dict[int, tuple[int, int]] = {}
        for page, kind in enumerate(kinds):
            if kind in (TARGET, DIFFERENCE):
                names[page] = divmod(c.be(1), 16)
        table = PageTable(kinds, targets, names)
        if table.is_delta:
            rising = all(a.chunk < b.chunk for a, b in zip(targets, targets[1:]))
            require(len(targets) <= 3 and rising and len({t.stream for t in targets}) == 1, "a delta's targets are not one piece of a stream")
            return table
        named = [target for target, _ in names.values()]
        require(list(dict.fromkeys(named)) == list(range(len(targets))), "the targets are not in the order in which pages name them, or not all named")
        require(len({names[page][0] for page in names if kinds[page] == DIFFERENCE}) <= 1, "the differences are from two targets")
        return table


def leaf_keys(c: Cursor) -> Iterator[Key]:
    """V-23. The caller reads the value between two keys."""
    stream = chunk = 0
    first = True
    while not c.ended:
        step, chunk_or_step = c.num(), c.num()
        if step == 0 and not first:
            require(chunk_or_step >= 1, "a leaf has a key twice")
            chunk += chunk_or_step
        else:
            stream, chunk = stream + step, chunk_or_step
        require(stream <= STREAM_MOST and chunk <= CHUNK_MOST, "a leaf has a key that is none")
        first = False
        yield stream, chunk


def read_map_leaf(data: bytes, here: bytes | None) -> list[tuple[Key, Value]]:
    c, values = Cursor(data), ValueReader(here)
    return [(key, values.value(c)) for key in leaf_keys(c)]


def read_tag_leaf(data: bytes, here: bytes | None = None) -> list[tuple[Key, tuple[int, bytes]]]:
    """V-26: lease and tag."""
    c = Cursor(data)
    return [(key, (c.be(8), c.take(16))) for key in leaf_keys(c)]


@dataclass(frozen=True)
class Run:
    """V-27: a leaf, or the places of leaves with their first keys, or of the payloads that list them."""
    entries: int
    size: int
    leaf: bytes = b""
    leaves: tuple[tuple[Key, Place], ...] = ()
    lists: tuple[Place, ...] = ()


def read_list(c: Cursor, count: int, here: bytes | None) -> tuple[tuple[Key, Place], ...]:
    values, found = ValueReader(here), []
    for _ in range(count):
        key = c.bounded(0, STREAM_MOST, "a stream"), c.bounded(0, CHUNK_MOST, "a chunk")
        require(not found or found[-1][0] < key, "the leaves of a list are not in order")
        found.append((key, values.value(c, structure=True).place))
    return tuple(found)


def read_run(c: Cursor, here: bytes) -> Run:
    entries, size, kind = c.bounded(1, 1 << 63, "the entries of a run"), c.num(), c.be(1)
    if kind == 1:
        return Run(entries, size, leaf=c.take(c.bounded(1, len(c.data), "the length of a leaf")))
    count = c.bounded(1, 1 << 20, "the count of a list")
    if kind == 2:
        return Run(entries, size, leaves=read_list(c, count, here))
    if kind == 3:
        values = ValueReader(here)
        return Run(entries, size, lists=tuple(values.value(c, structure=True).place for _ in range(count)))
    raise damaged("a run has a kind that is not one")


KINDS = {1: "file", 2: "folder", 3: "disk", 4: "memory", 5: "state", 6: "configuration", 7: "container"}


@dataclass(frozen=True)
class Stream:
    number: int
    kind: str
    name: str
    length: int
    mode: int
    modified_ns: int

    @property
    def chunks(self) -> int:
        return -(-self.length // CHUNK)

    def chunk_length(self, chunk: int) -> int:
        return min(CHUNK, self.length - chunk * CHUNK)


@dataclass(frozen=True)
class Manifest:
    """V-28, V-29."""
    commit: int
    kind: int
    label: str
    streams: tuple[Stream, ...]
    map_runs: tuple[Run, ...]
    tag_runs: tuple[Run, ...]

    @staticmethod
    def parse(data: bytes, here: bytes) -> "Manifest":
        c = Cursor(data)
        c.expect(b"VPM1")
        commit, kind, label, next_stream = c.num(), c.be(1), c.text(128), c.bounded(0, (1 << 31) - 1, "the next number of a stream")
        require(kind in (1, 2, 3), "a manifest has a kind that is not one")
        streams: list[Stream] = []
        number = 0
        for _ in range(c.bounded(0, 4096, "the count of streams")):
            step = c.num()
            require(step > 0 or not streams, "a stream's number stands twice")
            number += step
            require(number < next_stream and number <= STREAM_MOST, "a stream has a number that is none")
            streams.append(read_stream(c, number))
        require(len({s.name for s in streams}) == len(streams), "a name stands twice")
        runs = [tuple(read_run(c, here) for _ in range(c.bounded(0, 64, "the count of runs"))) for _ in range(2)]
        c.end("a manifest")
        return Manifest(commit, kind, label, tuple(streams), runs[0], runs[1])


def read_stream(c: Cursor, number: int) -> Stream:
    kind, name, length, mode = c.be(1), c.text(2048), c.num(), c.bounded(0, 65_535, "a mode")
    modified = int.from_bytes(c.take(8), "big", signed=True)
    require(kind in KINDS and length <= 1 << 44, "a stream has a kind or a length that is not one")
    require("\0" not in name and all(part not in ("", ".", "..") for part in name.split("/")), "a stream has a name that leads elsewhere")
    return Stream(number, KINDS[kind], name, length, mode, modified)
