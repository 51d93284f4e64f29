"""A generation: its manifest, its map, its live set and its streams (V-18, V-20, V-21, V-25, V-27, V-32, V-35)."""
from __future__ import annotations

from collections import Counter
from typing import Iterator

from cells import CellReader, Line
from chunks import ChunkReader
from cursor import Cursor
from errors import require
from keyring import Commit, Keyring
from store import live_root
from tables import (CHUNK, LISTS, MANIFESTS, MAP_LEAVES, TAG_LEAVES, Key, Manifest, Place, Run, Stream, Value, read_list, read_map_leaf, read_tag_leaf)

NO_TAG = (0, bytes(16))


class Generation:
    def __init__(self, reader: CellReader, keyring: Keyring, commit: Commit) -> None:
        self.reader, self.keyring, self.commit = reader, keyring, commit
        self.chunks = ChunkReader(reader)
        self.structure: Counter[str] = Counter()
        self.tags_checked = 0
        self.live: set[bytes] = set(commit.manifest_cells)
        here = commit.manifest_cells[0]
        self.manifest = Manifest.parse(self.read_manifest(), here)
        require((self.manifest.commit, self.manifest.kind) == (commit.number, commit.kind), "the manifest is another commit's")
        self.map: dict[Key, Value] = {}
        self.tags: dict[Key, tuple[int, bytes]] = {}
        # The newest run that has a key is the one that counts (V-21).
        for run in reversed(self.manifest.map_runs):
            self.map.update(self.entries(run, MAP_LEAVES, read_map_leaf, here))
        for run in reversed(self.manifest.tag_runs):
            self.tags.update(self.entries(run, TAG_LEAVES, read_tag_leaf, here))
        for value in self.map.values():
            self.live.update(value.cells)

    # Structure

    def read_manifest(self) -> bytes:
        """V-32: the payloads of its stream, chunk by chunk, from the first slot of the first cell to the end of the cells."""
        parts, total = [], self.commit.manifest_bytes
        at, slot, cells = 0, self.commit.first_slot, self.commit.manifest_cells
        birth = (self.commit.lease, self.commit.number)
        for chunk in range(-(-total // CHUNK)):
            first, last = at, at
            while self.line(cells, last, slot if last == first else 0).goes_on:
                last += 1
            payload = self.reader.payload(Place(birth, cells[first:last + 1], slot), MANIFESTS, chunk)
            require(payload.raw_length == min(CHUNK, total - chunk * CHUNK), "a chunk of the manifest has another length")
            parts.append(self.reader.whole(payload))
            at, slot = last, slot + 1 if last == first else 1
            if slot == len(self.reader.cells.get(cells[at]).lines):
                at, slot = at + 1, 0
        require((at, slot) == (len(cells), 0), "the manifest does not end where its cells end")
        return b"".join(parts)

    def line(self, cells: tuple[bytes, ...], at: int, slot: int) -> Line:
        require(at < len(cells), "the manifest goes on behind its cells")
        lines = self.reader.cells.get(cells[at]).lines
        require(slot < len(lines), "the manifest has no such line")
        return lines[slot]

    def leaf(self, place: Place, stream: int) -> bytes:
        self.live.update(place.cells)
        self.structure[{LISTS: "lists", MAP_LEAVES: "map_leaves", TAG_LEAVES: "tag_leaves"}[stream]] += 1
        return self.reader.whole(self.reader.payload(place, stream))

    def entries(self, run: Run, stream: int, read, here: bytes) -> Iterator[tuple[Key, object]]:
        """V-27: the entries of a run in order, whichever way it lists its leaves."""
        count, size, before = 0, 0, None
        leaves = run.leaves
        if run.lists:
            leaves = tuple(leaf for place in run.lists for leaf in self.read_listed(place))
        self.structure["inline_runs" if run.leaf else "list_runs" if run.lists else "leaf_runs"] += 1
        sources = [(None, run.leaf, here)] if run.leaf else ((first, self.leaf(place, stream), place.cells[0]) for first, place in leaves)
        for first, data, zero in sources:
            found = read(data, zero)
            require(bool(found) and first in (None, found[0][0]), "a leaf does not begin with the key of its list")
            for key, value in found:
                require(before is None or before < key, "the leaves of a run are not in order")
                before = key
                yield key, value
            count, size = count + len(found), size + len(data)
        require((count, size) == (run.entries, run.size), "a run has another number of entries or bytes than it says")

    def read_listed(self, place: Place) -> tuple[tuple[Key, Place], ...]:
        c = Cursor(self.leaf(place, LISTS))
        leaves = read_list(c, c.bounded(1, 1 << 20, "the count of a list"), None)
        c.end("a list of leaves")
        return leaves

    def check_live_set(self, lists: set[bytes] | None) -> None:
        """V-35."""
        require((len(self.live), live_root(self.live)) == (self.commit.live_count, self.commit.live_root), "the live set is not the one that is signed")
        require(lists is None or lists == self.live, "the live set is not what the commits added and dropped")

    # Chunks

    def read(self, stream: Stream) -> Iterator[tuple[int, bytes]]:
        """The chunks that are not zero, in order."""
        numbers = sorted(chunk for number, chunk in self.map if number == stream.number)
        stored = 0
        for chunk in numbers:
            value = self.map[stream.number, chunk]
            if value.place is None and value.table is None:
                continue
            require(chunk < stream.chunks, "the map has a chunk behind its stream's end")
            data = self.chunks.read((stream.number, chunk), stream.chunk_length(chunk), value)
            self.check_tag((stream.number, chunk), data)
            stored += 1
            yield chunk, data
        self.chunks.chunks["zero"] += stream.chunks - stored

    def check_tag(self, key: Key, data: bytes) -> None:
        """V-20, V-98: a tag that stands there is that of the bytes."""
        lease, tag = self.tags.get(key, NO_TAG)
        if (lease, tag) == NO_TAG:
            return
        keys = self.reader.session.leases.get(lease)
        require(keys is not None and self.keyring.suite.change_tag(keys.tag, keys.hash, data) == tag, "a change tag is not that of its chunk")
        self.tags_checked += 1
