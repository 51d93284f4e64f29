"""The keyless store (V-40 to V-75): vault.json, slots, log, head, segments, the live set."""
from __future__ import annotations

import fcntl
import mmap
import os
import re
from dataclasses import dataclass
from typing import Iterable, Iterator

from cursor import Cursor
from errors import BUSY, NOT_FOUND, REFUSED, VaultError, damaged, require
from primitives import is_signed, sha256

NONE = (1 << 64) - 1
ENTRY_MOST, HEAD_MOST, SLOT_BYTES, SEGMENT_CELLS = 67_108_864, 1_048_576, 4096, 1024
HEAD = 1
DESCRIPTOR = re.compile(rb'\{\n  "format": 1,\n  "vaultId": "([0-9a-f]{32})",\n  "cellBytes": (0|[1-9][0-9]*),\n  "suite": ([0-9]+),\n'
                        rb'  "created": (0|[1-9][0-9]*),\n  "logPublicKey": "([0-9a-f]{64})"\n\}\n')


def open_file(path: str) -> int:
    """V-40: no symbolic link at the last step."""
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)


def read_file(path: str, most: int) -> bytes:
    with os.fdopen(open_file(path), "rb") as file:
        data = file.read(most + 1)
    require(len(data) <= most, f"{path} has more than {most} bytes")
    return data


@dataclass(frozen=True)
class Descriptor:
    raw: bytes
    vault: bytes
    cell_bytes: int
    suite: int
    log_key: bytes

    @staticmethod
    def parse(raw: bytes) -> "Descriptor":
        """V-42, V-43: the format first; then exactly one encoding."""
        version = re.search(rb'"format"\s*:\s*([0-9]+)', raw)
        if version and int(version[1]) > 1:
            raise VaultError(REFUSED, f"the vault has format {int(version[1])}: use a newer reader")
        match = DESCRIPTOR.fullmatch(raw)
        if not match:
            raise damaged("vault.json is not canonical")
        cell_bytes, suite, created = int(match[2]), int(match[3]), int(match[4])
        require(match[3] in (b"1", b"2") and created < 1 << 63, "vault.json has a suite or a time that is not one")
        require(16_384 <= cell_bytes <= 262_144 and cell_bytes % 4096 == 0, "vault.json has a size of cells that is not one")
        return Descriptor(raw, bytes.fromhex(match[1].decode()), cell_bytes, suite, bytes.fromhex(match[5].decode()))


@dataclass(frozen=True)
class Row:
    """A session in the head (V-50)."""
    handle: bytes
    tip_offset: int
    tip_hash: bytes
    generation_offset: int
    generation_hash: bytes
    fence: int
    term: int
    lease: int
    state: int
    commits: int

    @staticmethod
    def read(c: Cursor) -> "Row":
        row = Row(c.take(16), c.be(8), c.take(32), c.be(8), c.take(32), c.be(8), c.be(8), c.be(8), c.be(1), c.be(8))
        for offset, digest in ((row.tip_offset, row.tip_hash), (row.generation_offset, row.generation_hash)):
            require(offset < 1 << 63 or (offset == NONE and digest == bytes(32)), "a row of the head has an offset that is none")
        require(row.state in (0, 1), "a row of the head has another lease state")
        return row


@dataclass(frozen=True)
class Head:
    """V-48, V-51."""
    vault: bytes
    seq: int
    entries: int
    log_bytes: int
    frontier: tuple[bytes, ...]
    rows: tuple[Row, ...]
    signed: bytes
    signature: bytes

    @staticmethod
    def parse(payload: bytes) -> "Head":
        require(len(payload) <= HEAD_MOST, "a head is too long")
        c = Cursor(payload)
        c.expect(b"VPH1")
        vault, seq, _, time, entries, log_bytes = c.take(16), c.be(8), c.be(8), c.be(8), c.be(8), c.be(8)
        require(max(time, entries, log_bytes) < 1 << 63 and seq >= 1, "a head has a number beyond its bound")
        frontier = tuple(c.take(32) for _ in range(entries.bit_count()))
        count = c.be(2)
        require(count <= 4096, "a head has too many sessions")
        rows = tuple(Row.read(c) for _ in range(count))
        require(all(a.handle < b.handle for a, b in zip(rows, rows[1:])), "the head's rows are not in order")
        signed, signature = payload[:c.at], c.take(64)
        c.end("a head")
        return Head(vault, seq, entries, log_bytes, frontier, rows, signed, signature)


@dataclass(frozen=True)
class Slot:
    """V-52."""
    seq: int
    log_bytes: int
    log_entries: int
    head_offset: int
    head_bytes: int
    head_hash: bytes
    cells: int
    free_map: bytes


def parse_slot(place: int, data: bytes) -> Slot | None:
    """None if it is empty; damage if it is neither that nor a slot (V-53)."""
    require(len(data) == SLOT_BYTES, "a slot is short")
    if data == bytes(SLOT_BYTES):
        return None
    require(sha256(data[:4064]) == data[4064:], "a slot's hash is wrong")
    c = Cursor(data)
    c.expect(b"VPS1")
    slot_fields = (c.be(8), c.be(8), c.be(8), c.be(8), c.be(4), c.take(32))
    full, last = c.be(4), c.be(4)
    slot = Slot(*slot_fields, full * SEGMENT_CELLS + last, c.take(32))
    require(last < SEGMENT_CELLS and not any(data[112:4064]) and slot.seq % 2 == place, "a slot has a field that is not one")
    require(slot.head_bytes <= HEAD_MOST and slot.head_offset + 5 + slot.head_bytes == slot.log_bytes, "a slot's head does not end the log")
    return slot


def entry_hash(kind: int, payload: bytes) -> bytes:
    return sha256(b"\0" + bytes([kind]), payload)


class Frontier:
    """V-54."""

    def __init__(self) -> None:
        self.count, self.nodes = 0, []

    def append(self, leaf: bytes) -> None:
        n = self.count
        while n & 1:
            leaf, n = sha256(b"\1", self.nodes.pop(), leaf), n >> 1
        self.nodes.append(leaf)
        self.count += 1


@dataclass(frozen=True)
class Entry:
    offset: int
    kind: int
    payload: bytes

    @property
    def hash(self) -> bytes:
        return entry_hash(self.kind, self.payload)


@dataclass(frozen=True)
class FreeMap:
    """V-161."""
    head: bytes
    positions: int
    bits: bytes
    hash: bytes

    @staticmethod
    def parse(data: bytes, vault: bytes) -> "FreeMap":
        c = Cursor(data)
        c.expect(b"VPF1")
        own, head, positions, count = c.take(16), c.take(32), c.be(8), c.be(8)
        bits, end = c.take(-(-positions // 8)), c.take(32)
        c.end("a map of freed cells")
        require(own == vault and end == sha256(data[:-32]) and int.from_bytes(bits, "little") >> positions == 0
                and sum(b.bit_count() for b in bits) == count, "a map of freed cells is not one")
        return FreeMap(head, positions, bits, end)

    def has(self, position: int) -> bool:
        return position < self.positions and bool(self.bits[position // 8] >> position % 8 & 1)


class Store:
    """The files of a vault, opened for reading: which head counts, the log's entries, and cells by their ids."""

    def __init__(self, folder: str) -> None:
        self.folder, self.v1 = folder, os.path.join(folder, "v1")
        try:
            self.descriptor = Descriptor.parse(read_file(os.path.join(folder, "vault.json"), 4096))
        except FileNotFoundError:
            raise VaultError(NOT_FOUND, f"there is no vault in {folder}") from None
        self.lock()
        try:
            with os.fdopen(open_file(os.path.join(self.v1, "log")), "rb") as file:
                size = os.fstat(file.fileno()).st_size
                self.log = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) if size else b""
            slots = read_file(os.path.join(self.v1, "slots.bin"), 2 * SLOT_BYTES)
        except OSError as e:
            raise damaged(f"{e.filename}: {e.strerror}") from None
        self.maps = list(self.free_maps())
        self.head, self.head_offset, self.log_bytes, self.cell_count, free_map = self.choose_head(slots)
        self.freed = next((m for m in self.maps if m.hash == free_map), None)
        self.entries: dict[int, Entry] = {}
        self.log_is_sound = self.walk()
        self.places = self.index()

    def lock(self) -> None:
        try:
            self.lock_file = open_file(os.path.join(self.v1, "lock"))
            fcntl.flock(self.lock_file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            pass                                     # it may be deleted while nobody has the vault open
        except BlockingIOError:
            raise VaultError(BUSY, "somebody is writing to the vault") from None

    # The head

    def free_maps(self) -> Iterator["FreeMap"]:
        """V-161: those that are whole. A slot names one by its hash."""
        for name in ("freed.0", "freed.1"):
            try:
                yield FreeMap.parse(read_file(os.path.join(self.v1, name), 1 << 28), self.descriptor.vault)
            except (OSError, VaultError):
                continue                             # V-163: then nothing is freed as far as a reader knows

    def choose_head(self, slots: bytes) -> tuple[Head, int, int, int, bytes]:
        sound, bad = [], 0
        for place in (0, 1):
            try:
                slot = parse_slot(place, slots[place * SLOT_BYTES:(place + 1) * SLOT_BYTES])
                if slot:
                    sound.append(slot)
            except VaultError:
                bad += 1
        for slot in sorted(sound, key=lambda s: -s.seq):
            head = self.verified(slot)
            if head:
                if bad and slot.log_bytes < len(self.log):
                    return self.roll_forward(slot, head) or (head, slot.head_offset, slot.log_bytes, slot.cells, slot.free_map)
                return head, slot.head_offset, slot.log_bytes, slot.cells, slot.free_map
        raise damaged("no head of the vault verifies")

    def verified(self, slot: Slot) -> Head | None:
        """V-62."""
        try:
            entry = self.frame(slot.head_offset, slot.log_bytes)
            if (entry.kind, len(entry.payload), entry.hash) != (HEAD, slot.head_bytes, slot.head_hash):
                return None
            head = Head.parse(entry.payload)
        except VaultError:
            return None
        agrees = (head.seq, head.log_bytes, head.entries + 1) == (slot.seq, slot.head_offset, slot.log_entries)
        return head if agrees and self.is_signed(head) else None

    def is_signed(self, head: Head) -> bool:
        return head.vault == self.descriptor.vault and is_signed(self.descriptor.log_key, head.signature, head.signed)

    def roll_forward(self, slot: Slot, before: Head) -> tuple[Head, int, int, int, bytes] | None:
        """V-63: the torn slot of a commit whose log was durable."""
        frontier = Frontier()
        frontier.count, frontier.nodes = before.entries, list(before.frontier)
        frontier.append(slot.head_hash)
        at = slot.log_bytes
        try:
            while True:
                entry = self.frame(at, len(self.log))
                if entry.kind == HEAD:
                    head = Head.parse(entry.payload)
                    right = head.seq == slot.seq + 1 and self.is_signed(head) and head.log_bytes == at and head.entries == frontier.count
                    if not right or list(head.frontier) != frontier.nodes:
                        return None
                    named = next((m.hash for m in self.maps if m.head == entry.hash), slot.free_map)
                    return head, at, at + 5 + len(entry.payload), self.whole_cells(slot.cells), named
                frontier.append(entry.hash)
                at += 5 + len(entry.payload)
        except VaultError:
            return None

    # The log

    def frame(self, offset: int, end: int) -> Entry:
        """V-45."""
        require(0 <= offset and offset + 5 <= min(end, len(self.log)), "the log has no frame here")
        length, kind = int.from_bytes(self.log[offset:offset + 4], "big"), self.log[offset + 4]
        require(length <= ENTRY_MOST and offset + 5 + length <= min(end, len(self.log)), "a frame goes beyond the log")
        return Entry(offset, kind, bytes(self.log[offset + 5:offset + 5 + length]))

    def walk(self) -> bool:
        """V-74: commit by commit, and on behind what is damaged. True if every byte is what the head signs (V-49)."""
        at, sound, frontier, seq, count = 0, True, Frontier(), 0, 0
        while at < self.log_bytes:
            group, end = [], at
            try:
                while True:
                    entry = self.frame(end, self.log_bytes)
                    if entry.kind == HEAD:
                        head = Head.parse(entry.payload)
                        require(head.vault == self.descriptor.vault and head.log_bytes == end and head.entries == count + len(group), "another head")
                        break
                    group.append(entry)
                    end += 5 + len(entry.payload)
            except VaultError:
                sound = False
                found = self.next_head(at + 1)
                if not found:
                    return False
                at, count = found
                continue
            for member in group:
                self.entries[member.offset] = member
                frontier.append(member.hash)
            sound = sound and list(head.frontier) == frontier.nodes and head.seq == seq + 1
            frontier.append(entry.hash)
            seq, count, at = head.seq, head.entries + 1, end + 5 + len(entry.payload)
        return sound and seq == self.head.seq and self.head.frontier == head.frontier

    def next_head(self, start: int) -> tuple[int, int] | None:
        """Where the log goes on behind damage, and how many entries stand before that."""
        mark = b"VPH1" + self.descriptor.vault
        at = self.log.find(mark, start, self.log_bytes)
        while at >= 0:
            try:
                entry = self.frame(at - 5, self.log_bytes)
                head = Head.parse(entry.payload)
                if entry.kind == HEAD and head.log_bytes == at - 5:
                    return at + len(entry.payload), head.entries + 1
            except VaultError:
                pass
            at = self.log.find(mark, at + 1, self.log_bytes)
        return None

    def of_kind(self, *kinds: int) -> Iterator[Entry]:
        return (entry for entry in self.entries.values() if entry.kind in kinds)

    # Cells

    def segment(self, number: int) -> str:
        return os.path.join(self.v1, "segments", f"{number:06}.seg")

    def whole_cells(self, known: int) -> int:
        count, number = known, known // SEGMENT_CELLS
        while os.path.exists(self.segment(number)):
            count = number * SEGMENT_CELLS + os.stat(self.segment(number)).st_size // self.descriptor.cell_bytes
            number += 1
        return count

    def index(self) -> dict[bytes, int]:
        """V-40, V-58: where each id stands, from the segments themselves. What is damaged stands there under another id."""
        places: dict[bytes, int] = {}
        for number in range(-(-self.cell_count // SEGMENT_CELLS)):
            try:
                with os.fdopen(open_file(self.segment(number)), "rb") as file:
                    for position in range(number * SEGMENT_CELLS, min(self.cell_count, (number + 1) * SEGMENT_CELLS)):
                        if self.freed and self.freed.has(position):
                            file.seek(self.descriptor.cell_bytes, os.SEEK_CUR)
                            continue                 # V-163
                        cell = file.read(self.descriptor.cell_bytes)
                        if len(cell) < self.descriptor.cell_bytes:
                            break                    # V-68: these cells are damaged, the others can be read
                        places[sha256(b"\0", cell)] = position
            except OSError:
                continue
        return places

    def cell(self, cell_id: bytes) -> bytes:
        """V-69: hashed again as it is read."""
        position = self.places.get(cell_id)
        require(position is not None, f"cell {cell_id.hex()} is damaged or absent")
        number, slot = divmod(position, SEGMENT_CELLS)
        with os.fdopen(open_file(self.segment(number)), "rb") as file:
            file.seek(slot * self.descriptor.cell_bytes)
            cell = file.read(self.descriptor.cell_bytes)
        require(sha256(b"\0", cell) == cell_id, f"cell {cell_id.hex()} is damaged")
        return cell


def live_root(ids: Iterable[bytes]) -> bytes:
    """V-56."""
    return live_node(sorted(ids), 0)


def live_node(ids: list[bytes], depth: int) -> bytes:
    if not ids:
        return bytes(32)
    if len(ids) <= 16 or depth == 8:
        return sha256(b"\2" + len(ids).to_bytes(4, "big"), *ids)
    parts: list[list[bytes]] = [[] for _ in range(16)]
    for one in ids:
        byte = one[depth // 2]
        parts[byte & 15 if depth % 2 else byte >> 4].append(one)
    return sha256(b"\3", *(live_node(part, depth + 1) for part in parts))
