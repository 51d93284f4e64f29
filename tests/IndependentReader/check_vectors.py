#!/usr/bin/python3
"""Shows the reader the vectors of tests/Vectors/vault/v1 that are about what it reads: check_vectors.py FOLDER [--reasons].
Prints how many it agrees with, as JSON."""
from __future__ import annotations

import json
import os
import sys
from collections import Counter

sys.dont_write_bytecode = True

from cells import DELTA, GROUP, CellReader, Payload, open_cell, parse_content, read_group, read_pages
from chunks import ChunkReader
from errors import DAMAGED, VaultError
from keyring import Commit, LeaseKeys
from primitives import SUITES, Suite, Zstd, hkdf, sha256
from store import Entry
from tables import CHUNK, Manifest, Place, read_map_leaf, read_tag_leaf

# What the vectors are of: make.py beside them.
HANDLE, LEASE_KEY, ID = bytes(range(100, 116)), bytes(range(32, 64)), sha256(b"cell A")
CONTENT_LEASE = slice(24, 32)


def parse_bytes(text: str) -> bytes:
    return b"".join(bytes(int(word[3:])) if word.startswith("00*") else bytes.fromhex(word) for word in text.split())


def lease_keys(fields: dict[str, str], suite: Suite) -> LeaseKeys:
    def derive(label: bytes, length: int) -> bytes:
        return hkdf(parse_bytes(fields["leaseKey"]), b"", b"vmpod/v1/" + label + b"\0" + parse_bytes(fields["vaultId"]) + suite.context, length)
    return LeaseKeys(int.from_bytes(derive(b"id", 8), "big"), 1, b"", *(derive(label, 32) for label in (b"mac", b"kdf", b"tag", b"tag-hash")))


def cell(fields: dict[str, str]) -> None:
    """Only what is not sealed by the reader itself: a changed cell cannot be made without sealing one, so its parts are put together from the vector."""
    suite = SUITES[parse_bytes(fields.get("suite", "02"))[0]]
    plain, keys = parse_bytes(fields["plaintext"]), lease_keys(fields, suite)
    header = b"VPR1" + bytes([suite.number, 0]) + ((len(plain) + 64) // 4096).to_bytes(2, "big") + keys.lease.to_bytes(8, "big")
    t = suite.mac(keys.mac, header + plain)
    sealed = bytearray(header + t + suite.aead(suite.mac(keys.kdf, t)).encrypt(bytes(12), plain, header + t))
    if "patch" in fields:
        at, changed = fields["patch"].split("=")
        sealed[int(at):int(at) + len(parse_bytes(changed))] = parse_bytes(changed)
    elif (sha256(b"\0", sealed), t) != (parse_bytes(fields["id"]), parse_bytes(fields["mac"])):
        raise VaultError(DAMAGED, "a cell is sealed to other bytes")
    opened, _ = open_cell(bytes(sealed), len(sealed), suite, {keys.lease: keys})
    assert opened == plain


def payload(fields: dict[str, str]) -> None:
    zstd, codec, data, prefix = Zstd(), parse_bytes(fields["codec"])[0], parse_bytes(fields["bytes"]), parse_bytes(fields["prefix"])
    length = int(fields["length"])
    if codec == DELTA:
        plain = zstd.decode(data, length, prefix)
    else:
        pages = read_pages(zstd, codec, data, length, prefix)
        plain = b"".join(pages.by_number[number] for number in sorted(pages.by_number))
        if (pages.mask, pages.differences) != (int(fields["pages"], 16), int(fields["differences"], 16)):
            raise VaultError(DAMAGED, "other pages")
    assert plain == parse_bytes(fields["plain"])


class MemoryPayloads(CellReader):
    """Payloads that a vector gives, by the places that its leaf names."""

    def __init__(self, payloads: dict[Place, Payload]) -> None:
        self.zstd, self.payloads = Zstd(), payloads

    def payload(self, place: Place, stream: int, chunk: int | None = None) -> Payload:
        return self.payloads[place]


def chunk(fields: dict[str, str]) -> None:
    [(key, value)] = read_map_leaf(parse_bytes(fields["bytes"]), None)
    targets = value.table.targets if value.table else ()
    named = [("own", value.place, key)] if value.place else []
    named += [(f"target-{i}", target.place, (target.stream, target.chunk)) for i, target in enumerate(targets)]
    payloads = {}
    for name, place, (stream, number) in named:
        data = parse_bytes(fields[name])
        codec, raw_length = data[0], int.from_bytes(data[1:4], "big")
        if codec == GROUP:
            mask, joined = read_group(Zstd(), data[4:], raw_length, number)[number]
            payloads[place] = Payload(stream, number, GROUP, CHUNK, joined, mask)
        else:
            payloads[place] = Payload(stream, number, codec, raw_length, data[4:])
    found = ChunkReader(MemoryPayloads(payloads)).read(key, int(fields["length"]), value)
    assert found == parse_bytes(fields["plain"])


def group(fields: dict[str, str]) -> None:
    found = read_group(Zstd(), parse_bytes(fields["bytes"]), int(fields["length"]), int(fields["first"]))
    if int(fields["chunk"]) not in found:
        raise VaultError(DAMAGED, "not in the group")
    assert found[int(fields["chunk"])] == (int(fields["pages"], 16), parse_bytes(fields["plain"]))


def content(fields: dict[str, str]) -> None:
    data = parse_bytes(fields["bytes"])
    parse_content(data, HANDLE, int.from_bytes(data[CONTENT_LEASE], "big"))


def commit(fields: dict[str, str]) -> None:
    """The vectors are of records; the signature and the ids that follow in an entry are put behind."""
    record = parse_bytes(fields["bytes"])
    Commit.parse(Entry(0, 6, record + bytes(64) + ID), bytes(range(16)))


LAYERS = {
    "cell": cell, "payload": payload, "chunk": chunk, "group": group, "content": content, "commit": commit,
    "map-leaf": lambda fields: read_map_leaf(parse_bytes(fields["bytes"]), b"\1" * 32),
    "tag-leaf": lambda fields: read_tag_leaf(parse_bytes(fields["bytes"])),
    "manifest": lambda fields: Manifest.parse(parse_bytes(fields["bytes"]), b"\1" * 32),
}


def main(folder: str) -> int:
    agreed: Counter[str] = Counter()
    wrong = []
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".txt"):
            continue
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            fields = dict(line.rstrip("\n").split(": ", 1) if ": " in line else (line.rstrip(":\n"), "") for line in file)
        if fields["layer"] not in LAYERS:
            continue                                 # what the reader has no use for: words, recovery
        try:
            LAYERS[fields["layer"]](fields)
            found = "ok"
        except VaultError as e:
            found = "refuse" if e.code == DAMAGED else str(e)
            if "--reasons" in sys.argv:
                print(f"{name}: {e}")
        if found == fields["expect"]:
            agreed[f"{fields['layer']} {found}"] += 1
        else:
            wrong.append(f"{name}: {found}, not {fields['expect']}")
    for line in wrong:
        print(line, file=sys.stderr)
    print(json.dumps(dict(sorted(agreed.items()))))
    return DAMAGED if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
