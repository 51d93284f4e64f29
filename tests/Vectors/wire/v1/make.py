#!/usr/bin/env python3
"""Writes the vectors of this folder from sync/SPEC.md (S-60 to S-75, S-78 and S-80), sharing no code with VmPod. Run in this folder: python3 make.py

One case a file: `from` is who sends it, `frame` the whole frame in hexadecimal ("00*12" is twelve zero bytes), for a vault with cells of 16,384 bytes.
`layer: header` must be refused by the nine bytes alone, `layer: body` by the body. A CELL answers a request for both key and cell unless `want` says so.
A BEAT is of a link of version 2 unless `version` says so.
"""
import glob
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", ".."))
from shorthand import short  # noqa: E402

CELL = 16384
HASH = bytes(range(0x20, 0x40))
KEY = bytes(range(0xC0, 0xE0))
SIGNATURE = bytes(range(0x40, 0x80))
HANDLE = bytes(range(100, 116))


def be(value, size):
    return value.to_bytes(size, "big")


def u16(value): return be(value, 2)
def u32(value): return be(value, 4)
def u64(value): return be(value, 8)


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return u16(len(data)) + data


def counted(data):
    return u16(len(data)) + data


def frame(kind, request, body, length=None):
    return u32(len(body) + 5 if length is None else length) + bytes([kind]) + u32(request) + body


def write(name, layer, sender, data, expect="ok", **more):
    lines = [f"name: {name}", f"layer: {layer}", f"from: {sender}", f"expect: {expect}"]
    lines += [f"{key}: {value}" for key, value in more.items()] + [f"frame: {short(data, zeros=32)}"]
    with open(os.path.join(HERE, f"{name}.txt"), "w") as f:
        f.write("\n".join(lines) + "\n")


def record(added, dropped):
    """vault/SPEC.md, "Commit"."""
    ids = bytes(range(32)) + bytes(range(1, 33))
    return (b"VPC1" + bytes(range(16)) + HANDLE + u64(0x98C22C7B07EAF084) + u64(2) + u64(7) + b"\x01" + u64(3) + u64(1_700_000_000_000)
            + HASH + u64(77) + u64(500) + u64(900) + u16(2) + ids + u32(4) + u32(100) + u32(added) + HASH + u32(dropped) + HASH + u64(200) + HASH)


def ids(count):
    return b"".join(u32(i) + bytes(28) for i in range(count))


def hello(role, body, low=1, high=3, magic=b"VPW1"):
    return magic + u16(low) + u16(high) + bytes([role]) + body


HOST = bytes(range(16)) + u64(1_700_000_000_000) + text("Büro 2")
OPEN_POD = bytes(range(16)) + u32(CELL) + b"\1" + u64(1_700_000_000_001) + u64(42) + HASH + bytes(range(32))
LOCKED_POD = bytes(range(16)) + u32(CELL) + b"\0" + u64(1_700_000_000_001) + u64(42) + HASH + bytes(32)
LEASE = HANDLE + u64(11) + u64(2) + u64(500) + u64(900) + KEY + u64(3) + u64(7) + u32(600_000)
BASE = HASH + u64(77) + counted(record(1, 0)) + SIGNATURE + counted(b"certificate")
GENERATION = u64(3) + u64(7) + b"\1" + u64(5)
FORK = u64(0xA1B2C3D4E5F60718) + u64(5) + b"\2\1\1" + text("Büro 2")
LINE = HANDLE + text("demo") + b"\1" + u64(9) + u64(3) + u64(5)

OK = [
    ("hello-host", "host", 0x01, 0, hello(1, HOST)),
    ("hello-pod", "pod", 0x01, 0, hello(2, OPEN_POD)),
    ("hello-pod-locked", "pod", 0x01, 0, hello(2, LOCKED_POD)),
    ("hello-host-version-1", "host", 0x01, 0, hello(1, HOST, 1, 1)),
    ("hello-pod-version-1", "pod", 0x01, 0, hello(2, OPEN_POD, 1, 1)),
    ("hello-pod-versions-2-to-3", "pod", 0x01, 0, hello(2, OPEN_POD, 2, 3)),
    ("hello-pod-versions-3-to-4", "pod", 0x01, 0, hello(2, OPEN_POD, 3, 4)),
    ("beat-host", "host", 0x02, 0, u32(1) + u64(5) + u64(123456)),
    ("beat-pod", "pod", 0x02, 0, u32(2) + u64(5) + b"\1\0" + u64(123456)),
    ("beat-pod-low", "pod", 0x02, 0, u32(2) + u64(5) + b"\0\1" + u64(123456)),
    ("beat-pod-kept-only", "pod", 0x02, 0, u32(2) + u64(5) + b"\1\2" + u64(0)),
    ("error", "pod", 0x03, 7, b"\6" + text("Held by another host.") + text("Wait.")),
    ("done", "pod", 0x04, 7, b""),
    ("bye", "host", 0x05, 0, b""),
    ("find", "host", 0x10, 7, text("demo")),
    ("session", "pod", 0x11, 7, HANDLE + b"\1" + u64(9) + counted(record(1, 0)) + u32(2) + GENERATION + u64(2) + u64(6) + b"\2" + u64(4)),
    ("session-without-commits", "pod", 0x11, 7, HANDLE + b"\0" + u64(0) + u16(0) + u32(0)),
    ("open-lease-new", "host", 0x12, 7, text("demo") + b"\1\1" + u64(0) + HASH),
    ("open-lease-generation", "host", 0x12, 7, text("demo") + b"\3\4" + u64(3) + HASH),
    ("open-lease-fork", "host", 0x12, 7, text("demo") + b"\1\x08" + u64(0xA1B2C3D4E5F60718) + HASH),
    ("lease", "pod", 0x13, 7, LEASE + b"\1" + BASE),
    ("lease-without-base", "pod", 0x13, 7, LEASE + b"\0"),
    ("attach", "host", 0x14, 7, HANDLE + u64(11) + u64(2)),
    ("attached", "pod", 0x15, 7, u64(7) + HASH + u64(77) + u32(600_000) + b"\1"),
    ("attached-no-commit", "pod", 0x15, 7, u64(0) + bytes(32) + u64(2**64 - 1) + u32(0) + b"\0"),
    ("list", "host", 0x16, 7, b""),
    ("sessions", "pod", 0x17, 7, u32(2) + LINE + HANDLE + text("") + b"\0" + u64(0) * 3),
    ("get-home-key", "host", 0x18, 7, b""),
    ("home-key", "pod", 0x19, 7, KEY),
    ("get-lease-keys", "host", 0x1A, 7, HANDLE),
    ("lease-keys", "pod", 0x1B, 7, u16(2) + u64(5) + SIGNATURE + u64(6) + SIGNATURE[::-1]),
    ("lease-keys-none", "pod", 0x1B, 7, u16(0)),
    ("get-forks", "host", 0x1C, 7, HANDLE),
    ("forks", "pod", 0x1D, 7, u16(2) + FORK + u64(0xA1B2C3D4E5F60719) + u64(6) + b"\3\4\0" + text("")),
    ("forks-none", "pod", 0x1D, 7, u16(0)),
    ("get-cells", "host", 0x20, 7, b"\3\0" + u16(2) + ids(2)),
    ("cell-both", "pod", 0x21, 7, u16(1) + b"\0" + KEY + b"VPR1" + bytes(CELL - 4)),
    ("cell-absent", "pod", 0x21, 7, u16(0) + b"\1" + bytes(32)),
    ("put-cell", "host", 0x22, 0, b"VPR1" + bytes(CELL - 4)),
    ("flush", "host", 0x23, 7, u64(12)),
    ("flushed", "pod", 0x24, 7, u64(12)),
    ("have", "host", 0x25, 7, u16(3) + ids(3)),
    ("have-reply", "pod", 0x26, 7, u16(3) + b"\xA0"),
    ("commit", "host", 0x30, 7, b"\1" + counted(record(3, 1)) + SIGNATURE + u32(3) + u32(1)),
    ("ids", "host", 0x31, 0, b"\0" + u32(3) + ids(3)),
    ("committed", "pod", 0x32, 7, HASH + u64(77) + u64(43) + HASH),
    ("discard", "host", 0x33, 7, b""),
    ("close-lease", "host", 0x34, 7, b""),
    ("renew", "host", 0x35, 7, b""),
    ("renewed", "pod", 0x36, 7, u32(600_000)),
    ("log", "host", 0x40, 7, u16(1) + b"\2" + text("ram bytes") + u64(5) + text("late") + be(2**64 - 1, 8)),
    ("receipt", "host", 0x41, 7, counted(b'{"leave":"suspended"}') + SIGNATURE),
]

BAD_HEADER = [
    ("header-unknown-type", "host", frame(0x42, 7, b"")),
    ("header-type-zero", "host", frame(0, 0, b"")),
    ("header-length-4", "host", frame(0x05, 0, b"", 4)),
    ("header-length-2-GiB", "host", frame(0x22, 0, b"", 2**31)),
    ("header-length-max", "pod", frame(0x21, 7, b"", 2**32 - 1)),
    ("header-wrong-direction", "host", frame(0x32, 7, HASH + u64(1) * 2 + HASH)),
    ("header-request-zero", "host", frame(0x35, 0, b"")),
    ("header-one-way-with-request", "host", frame(0x02, 7, u32(1) + u64(5) + u64(1))),
    ("header-home-key-short", "pod", frame(0x19, 7, KEY[:31])),
    ("header-lease-keys-4097", "pod", frame(0x1B, 7, u16(4097) + bytes(4097 * 72))),
    ("header-get-forks-short", "host", frame(0x1C, 7, HANDLE[:15])),
    ("header-forks-beyond-256", "pod", frame(0x1D, 7, u16(257) + bytes(257 * 85))),
    ("header-get-cells-65", "host", frame(0x20, 7, b"\3\0" + u16(65) + ids(65))),
    ("header-have-1025", "host", frame(0x25, 7, u16(1025) + ids(1025))),
    ("header-ids-8193", "host", frame(0x31, 0, b"\0" + u32(8193), 5 + 5 + 8193 * 32)),
    ("header-put-cell-short", "host", frame(0x22, 0, bytes(CELL - 1))),
    ("header-find-empty", "host", frame(0x10, 7, u16(0))),
    ("header-name-129", "host", frame(0x10, 7, text("x" * 129))),
]

BAD_BODY = [
    ("body-hello-magic", "host", 0x01, 0, hello(1, HOST, magic=b"VPW2")),
    ("body-hello-later-version", "host", 0x01, 0, hello(1, HOST, 4, 5)),
    ("body-hello-min-above-max", "host", 0x01, 0, hello(1, HOST, 1, 0)),
    ("body-hello-role", "host", 0x01, 0, hello(2, HOST)),
    ("body-hello-cell-size", "pod", 0x01, 0, hello(2, bytes(16) + u32(CELL + 1) + OPEN_POD[20:])),
    ("body-hello-locked-with-key", "pod", 0x01, 0, hello(2, OPEN_POD[:20] + b"\0" + OPEN_POD[21:])),
    ("body-beat-flag", "pod", 0x02, 0, u32(2) + u64(5) + b"\2\0" + u64(0)),
    ("body-beat-room", "pod", 0x02, 0, u32(2) + u64(5) + b"\1\3" + u64(0)),
    ("body-beat-pod-without-room", "pod", 0x02, 0, u32(2) + u64(5) + b"\1"),
    ("body-error-exit-code-0", "pod", 0x03, 7, b"\0" + text("x") + text("")),
    ("body-find-control", "host", 0x10, 7, text("a\x1b[2J")),
    ("body-find-direction", "host", 0x10, 7, text("a\u202eb")),
    ("body-find-no-utf8", "host", 0x10, 7, text(b"\xc0\x80")),
    ("body-find-left-over", "host", 0x10, 7, text("demo") + b"\0"),
    ("body-session-tip-without-commits", "pod", 0x11, 7, HANDLE + b"\0" + u64(0) + counted(record(1, 0)) + u32(0)),
    ("body-session-order", "pod", 0x11, 7, HANDLE + b"\1" + u64(9) + counted(record(1, 0)) + u32(2) + GENERATION * 2),
    ("body-session-count", "pod", 0x11, 7, HANDLE + b"\1" + u64(9) + counted(record(1, 0)) + u32(2**32 - 1) + GENERATION),
    ("body-open-lease-flag", "host", 0x12, 7, text("demo") + b"\1\x10" + u64(0) + HASH),
    ("body-open-lease-fork-and-generation", "host", 0x12, 7, text("demo") + b"\1\x0c" + u64(3) + HASH),
    ("body-open-lease-fork-and-tip", "host", 0x12, 7, text("demo") + b"\1\x0a" + u64(3) + HASH),
    ("body-open-lease-tip-and-generation", "host", 0x12, 7, text("demo") + b"\1\6" + u64(3) + HASH),
    ("body-open-lease-generation-not-flagged", "host", 0x12, 7, text("demo") + b"\1\0" + u64(3) + HASH),
    ("body-open-lease-purpose", "host", 0x12, 7, text("demo") + b"\4\0" + u64(0) + HASH),
    ("body-lease-base-record", "pod", 0x13, 7, LEASE + b"\1" + HASH + u64(77) + counted(record(1, 0) + b"\0") + SIGNATURE + counted(b"c")),
    ("body-attached-hash-of-nothing", "pod", 0x15, 7, u64(0) + HASH + u64(2**64 - 1) + u32(0) + b"\0"),
    ("body-lease-keys-order", "pod", 0x1B, 7, u16(2) + (u64(5) + SIGNATURE) * 2),
    ("body-lease-keys-count", "pod", 0x1B, 7, u16(2) + u64(5) + SIGNATURE),
    ("body-forks-count", "pod", 0x1D, 7, u16(257) + FORK),
    ("body-forks-count-short", "pod", 0x1D, 7, u16(2) + FORK),
    ("body-forks-order", "pod", 0x1D, 7, u16(2) + FORK * 2),
    ("body-forks-kind", "pod", 0x1D, 7, u16(1) + FORK[:16] + b"\4" + FORK[17:]),
    ("body-forks-state", "pod", 0x1D, 7, u16(1) + FORK[:17] + b"\5" + FORK[18:]),
    ("body-forks-flag", "pod", 0x1D, 7, u16(1) + FORK[:18] + b"\2" + FORK[19:]),
    ("body-forks-host", "pod", 0x1D, 7, u16(1) + FORK[:19] + text("a\x1b[2J")),
    ("body-get-cells-none-wanted", "host", 0x20, 7, b"\0\0" + u16(1) + ids(1)),
    ("body-get-cells-count", "host", 0x20, 7, b"\3\0" + u16(3) + ids(2)),
    ("body-cell-absent-with-key", "pod", 0x21, 7, u16(0) + b"\1" + KEY),
    ("body-cell-without-cell", "pod", 0x21, 7, u16(0) + b"\0" + KEY),
    ("body-cell-status", "pod", 0x21, 7, u16(0) + b"\4" + bytes(32)),
    ("body-have-reply-spare-bits", "pod", 0x26, 7, u16(3) + b"\xB0"),
    ("body-commit-counts", "host", 0x30, 7, b"\1" + counted(record(3, 1)) + SIGNATURE + u32(2) + u32(1)),
    ("body-commit-flag", "host", 0x30, 7, b"\2" + counted(record(3, 1)) + SIGNATURE + u32(3) + u32(1)),
    ("body-ids-twice", "host", 0x31, 0, b"\0" + u32(2) + ids(1) * 2),
    ("body-log-name-empty", "host", 0x40, 7, u16(1) + b"\1" + text("") + u64(5)),
    ("body-receipt-no-utf8", "host", 0x41, 7, counted(b"\xff") + SIGNATURE),
]

for old in glob.glob(os.path.join(HERE, "*.txt")):
    os.remove(old)
for name, sender, kind, request, body in OK:
    write(name, "body", sender, frame(kind, request, body))
write("beat-pod-version-1", "body", "pod", frame(0x02, 0, u32(2) + u64(5) + b"\1"), version=1)
write("body-beat-version-1-flag", "body", "pod", frame(0x02, 0, u32(2) + u64(5) + b"\2"), "refuse", version=1)
write("body-beat-version-1-with-room", "body", "pod", frame(0x02, 0, u32(2) + u64(5) + b"\1\0" + u64(0)), "refuse", version=1)
write("cell-key", "body", "pod", frame(0x21, 7, u16(1) + b"\0" + KEY), want="key")
write("cell-key-with-cell", "body", "pod", frame(0x21, 7, u16(1) + b"\0" + KEY + bytes(CELL)), "refuse", want="key")
for name, sender, data in BAD_HEADER:
    write(name, "header", sender, data, "refuse")
for name, sender, kind, request, body in BAD_BODY:
    write(name, "body", sender, frame(kind, request, body), "refuse")
