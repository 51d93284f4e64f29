"""A chunk put together from its own payload and the pages of others (V-17 to V-19, V-140 to V-147)."""
from __future__ import annotations

from collections import Counter

from cells import DELTA, GROUP, PAGEREF, PATCH, RAW, ZSTD, Cache, CellReader, Payload
from errors import require
from tables import DIFFERENCE, OWN, PAGE, TARGET, ZERO, Key, PageTable, Target, Value

PAGE_NAMES = {ZERO: "zero", OWN: "own", TARGET: "target", DIFFERENCE: "difference"}
CODEC_NAMES = {RAW: "raw", ZSTD: "zstd", PATCH: "patch", PAGEREF: "pageref", DELTA: "delta", GROUP: "group"}


class TargetPages:
    """A payload that pages are taken from, decoded as far as that is allowed (V-146)."""

    def __init__(self, reader: CellReader, target: Target) -> None:
        payload = reader.payload(target.place, target.stream, target.chunk)
        require(payload.codec in (RAW, ZSTD, PAGEREF, GROUP), "a page is taken from what was taken itself")
        has_pages = payload.codec in (PAGEREF, GROUP)
        self.chunk = None if has_pages else reader.whole(payload)
        self.some = reader.pages(payload).by_number if has_pages else {}
        self.codec = CODEC_NAMES[payload.codec]

    def page(self, number: int) -> bytes:
        page = self.some.get(number) if self.chunk is None else self.chunk[number * PAGE:(number + 1) * PAGE]
        require(page is not None and len(page) == PAGE, "a page is taken from a payload that does not have it")
        return page


class ChunkReader:
    """Decodes, and counts what it met."""

    def __init__(self, reader: CellReader) -> None:
        self.reader = reader
        self.targets: Cache[Target, TargetPages] = Cache(512, lambda target: TargetPages(reader, target))
        self.chunks: Counter[str] = Counter()
        self.pages: Counter[str] = Counter()
        self.target_pages: Counter[str] = Counter()

    def read(self, key: Key, length: int, value: Value) -> bytes:
        """A chunk of this length that is not zeros."""
        table, payload = value.table, self.reader.payload(value.place, *key) if value.place else None
        require(payload is None or payload.raw_length == length, "a payload has another length than its chunk")
        self.chunks[CODEC_NAMES[payload.codec] if payload else "named"] += 1
        if table is None:
            return self.reader.whole(payload)
        if table.is_delta:
            require(payload.codec == DELTA and len(payload.data) < length, "a delta has another codec")
            return self.reader.zstd.decode(payload.data, length, self.prefix_of_delta(table))
        require(length % PAGE == 0 and not any(table.kinds[length // PAGE:]), "a table has pages beyond its chunk")
        own = self.own_pages(payload, table, length)
        out = []
        for page in range(length // PAGE):
            kind = table.kinds[page]
            self.pages[PAGE_NAMES[kind]] += 1
            out.append(bytes(PAGE) if kind == ZERO else self.named_page(table, page) if kind == TARGET else own[page])
        return b"".join(out)

    def named_page(self, table: PageTable, page: int) -> bytes:
        target, number = table.names[page]
        of = self.targets.get(table.targets[target])
        self.target_pages[of.codec] += 1
        return of.page(number)

    def prefix_of_delta(self, table: PageTable) -> bytes:
        chunks = [self.targets.get(target).chunk for target in table.targets]
        require(all(chunk is not None for chunk in chunks), "a delta is from what is no whole chunk")
        return b"".join(chunks)

    def own_pages(self, payload: Payload | None, table: PageTable, length: int) -> dict[int, bytes]:
        """V-143, V-144: the pages that stand in the chunk's own payload."""
        if payload is None:
            return {}
        prefix = b"".join(self.named_page(table, page) for page in range(16) if table.kinds[page] == DIFFERENCE)
        require(payload.codec in ((PATCH,) if prefix else (PAGEREF, GROUP)), "a payload has a codec that is not its table's")
        own = self.reader.pages(payload, prefix)
        require((own.mask, own.differences) == (table.mask(OWN, DIFFERENCE), table.mask(DIFFERENCE)), "a payload has other pages than its table says")
        return own.by_number
