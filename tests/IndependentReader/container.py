"""Disk containers (V-130 to V-136): a file that is given back from its disk and a recipe."""
from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Callable, Iterator

from cursor import Cursor
from errors import require

LITERAL, ZEROS, GRAINS, TABLE, PROGRESSION, DEFLATED = range(6)
SECTOR, TAIL_BYTES, OPERATIONS_MOST, PADDED = 512, 16, 1 << 21, 16
Read = Callable[[int, int], bytes]                   # offset and length


@dataclass
class Operation:
    kind: int
    count: int
    offset: int = 0                                  # in the file
    length: int = 0
    first: int = 0                                   # grain, literal, or a of a progression
    step: int = 0                                    # d of a progression
    level: int = 0
    sectors: list[int] = field(default_factory=list)


class Layout:
    """V-131 to V-134."""

    def __init__(self, length: int, disk_length: int, read: Read, read_disk: Read) -> None:
        self.read, self.read_disk, self.disk_length = read, read_disk, disk_length
        require(length >= TAIL_BYTES, "a layout is short")
        c = Cursor(read(length - TAIL_BYTES, TAIL_BYTES))
        literals, program = c.be(8), c.be(4)
        c.expect(b"VPL1")
        require(program <= 1 << 24 and literals + program + TAIL_BYTES == length, "a layout has another length than its parts")
        c = Cursor(read(literals, program))
        self.file_bytes, self.grain = c.bounded(0, 1 << 44, "the length of a container"), c.bounded(1 << 12, 1 << 20, "a grain")
        require(self.grain & self.grain - 1 == 0, "a grain is no power of two")
        self.grain_count = -(-disk_length // self.grain)
        self.operations = self.parse(c)
        require(sum(o.count for o in self.operations if o.kind == LITERAL) == literals, "a layout has literals that nobody uses, or too few")
        require(sum(o.length for o in self.operations) == self.file_bytes, "a layout makes another number of bytes than the file has")
        self.places = self.place_grains()

    def parse(self, c: Cursor) -> list[Operation]:
        operations: list[Operation] = []
        offset = literal = after_grains = after_table = 0
        while not c.ended:
            head = c.num()
            o = Operation(head & 7, head >> 3, offset)
            require(o.kind <= DEFLATED and o.count >= 1 and len(operations) < OPERATIONS_MOST, "a layout has an operation that is not one")
            if o.kind == LITERAL:
                o.first, o.length, literal = literal, o.count, literal + o.count
            elif o.kind == ZEROS:
                o.length = o.count
            elif o.kind == PROGRESSION:
                o.first, o.step, o.length = c.num(), c.num(), 4 * o.count
                require(max(o.step, o.first + o.step * (o.count - 1)) < 1 << 32, "a progression goes beyond 32 bits")
            elif o.kind == TABLE:
                o.first, o.length = after_table + signed(c.num()), 4 * o.count
                after_table = o.first + o.count
            else:
                o.first = after_grains + signed(c.num())
                after_grains = o.first + o.count
            if o.kind in (GRAINS, TABLE, DEFLATED):
                # A table goes on behind the disk with entries of 0: grain tables have a fixed length.
                most = 1 << 32 if o.kind == TABLE else self.grain_count
                require(o.first >= 0 and o.first + o.count <= most, "a layout has grains beyond its disk")
            if o.kind == GRAINS:
                o.length = min(after_grains * self.grain, self.disk_length) - o.first * self.grain
            if o.kind == DEFLATED:
                o.level = c.num()
                is_short_end = o.count == 1 and after_grains == self.grain_count and self.disk_length % self.grain != 0
                require(1 <= o.level % PADDED <= 9 and (o.level < PADDED or (o.level < 2 * PADDED and is_short_end)), "a layout has a level that is not one")
                require(o.count <= OPERATIONS_MOST, "a layout has too many deflated grains")
                o.sectors = [c.bounded(1, 65_535, "the sectors of a grain") for _ in range(o.count)]
                o.length = sum(o.sectors) * SECTOR
            offset += o.length
            require(offset <= self.file_bytes, "a layout makes more bytes than the file has")
            operations.append(o)
        return operations

    def place_grains(self) -> dict[int, int]:
        """The sector of the file where each grain is put."""
        places: dict[int, int] = {}
        for o in self.operations:
            if o.kind not in (GRAINS, DEFLATED):
                continue
            require(o.offset % SECTOR == 0, "grains do not begin at a sector")
            sector = o.offset // SECTOR
            for i in range(o.count):
                require(o.first + i not in places and sector < 1 << 32, "a grain is put twice, or too far behind")
                places[o.first + i] = sector
                sector += o.sectors[i] if o.kind == DEFLATED else self.grain // SECTOR
        return places

    def pieces(self) -> Iterator[tuple[int, bytes]]:
        """What is not zeros, with its offset in the file."""
        for o in self.operations:
            if o.kind == LITERAL:
                for at in range(0, o.count, 1 << 20):
                    yield o.offset + at, self.read(o.first + at, min(1 << 20, o.count - at))
            elif o.kind == GRAINS:
                for i in range(o.count):
                    yield o.offset + i * self.grain, self.grain_bytes(o.first + i)
            elif o.kind == TABLE:
                yield o.offset, b"".join(self.places.get(o.first + i, 0).to_bytes(4, "little") for i in range(o.count))
            elif o.kind == PROGRESSION:
                yield o.offset, b"".join((o.first + o.step * i).to_bytes(4, "little") for i in range(o.count))
            elif o.kind == DEFLATED:
                at = o.offset
                for i in range(o.count):
                    piece = self.deflated(o.first + i, o.level)
                    require(len(piece) == o.sectors[i] * SECTOR, "a grain deflates to another number of sectors")
                    yield at, piece
                    at += len(piece)

    def grain_bytes(self, grain: int) -> bytes:
        return self.read_disk(grain * self.grain, min(self.grain, self.disk_length - grain * self.grain))

    def deflated(self, grain: int, level: int) -> bytes:
        """V-135."""
        data = self.grain_bytes(grain)
        if level >= PADDED:
            data = data.ljust(self.grain, b"\0")
        body = zlib.compress(data, level % PADDED)
        marker = (grain * self.grain // SECTOR).to_bytes(8, "little") + len(body).to_bytes(4, "little")
        return marker + body + bytes(-(len(marker) + len(body)) % SECTOR)


def signed(number: int) -> int:
    return number // 2 if number % 2 == 0 else -(number + 1) // 2
