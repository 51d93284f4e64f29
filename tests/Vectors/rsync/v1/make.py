#!/usr/bin/env python3
"""Writes the vectors of this folder from sync/Rsync/SPEC.md (S-140 to S-150) and the published descriptions of XXH64, XXH3-64 and Adler-32, sharing no code
with VmPod. Needs the standard library only. Run in this folder: python3 make.py

Bytes are hexadecimal. Files are told as terms that are joined: r1:10:500 is 500 bytes from byte 10 of the random stream 1 (SHA-256 of the stream's and the
block's number as u32 big-endian, blocks of 32 bytes from 0), z:9 nine zero bytes, f:9 nine bytes 0xff, x:616263 these bytes.
`made: yes` says that VmPod makes exactly these bytes of the file, or of the two files; `exit` is the exit code of a refusal.
"""
import base64
import glob
import hashlib
import json
import os
import struct
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
M64 = (1 << 64) - 1
P32_1, P32_2, P32_3 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
P1, P2, P3, P4, P5 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
MX1, MX2 = 0x165667919E3779F9, 0x9FB21C651E98DF25
SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e")


def rotl(x, n):
    return (x << n | x >> (64 - n)) & M64


def u64(data, at=0):
    return struct.unpack_from("<Q", data, at)[0]


def u32(data, at=0):
    return struct.unpack_from("<I", data, at)[0]


def fold(a, b):
    product = a * b
    return (product ^ product >> 64) & M64


def avalanche64(x):
    x = (x ^ x >> 33) * P2 & M64
    x = (x ^ x >> 29) * P3 & M64
    return x ^ x >> 32


def avalanche(x):
    x = (x ^ x >> 37) * MX1 & M64
    return x ^ x >> 32


def xxh64(data):
    def step(acc, lane):
        return rotl((acc + lane * P2) & M64, 31) * P1 & M64

    at, n = 0, len(data)
    if n >= 32:
        lanes = [(P1 + P2) & M64, P2, 0, -P1 & M64]
        while at + 32 <= n:
            lanes = [step(acc, u64(data, at + 8 * i)) for i, acc in enumerate(lanes)]
            at += 32
        acc = sum(rotl(lane, by) for lane, by in zip(lanes, (1, 7, 12, 18))) & M64
        for lane in lanes:
            acc = ((acc ^ step(0, lane)) * P1 + P4) & M64
    else:
        acc = P5
    acc = (acc + n) & M64
    while at + 8 <= n:
        acc = (rotl(acc ^ step(0, u64(data, at)), 27) * P1 + P4) & M64
        at += 8
    if at + 4 <= n:
        acc = (rotl(acc ^ u32(data, at) * P1 & M64, 23) * P2 + P3) & M64
        at += 4
    for byte in data[at:]:
        acc = rotl(acc ^ byte * P5 & M64, 11) * P1 & M64
    return avalanche64(acc)


def xxh3(data):
    n = len(data)
    if n == 0:
        return avalanche64(u64(SECRET, 56) ^ u64(SECRET, 64))
    if n <= 3:
        combined = data[-1] | n << 8 | data[0] << 16 | data[n >> 1] << 24
        return avalanche64(u32(SECRET) ^ u32(SECRET, 4) ^ combined)
    if n <= 8:
        value = u64(SECRET, 8) ^ u64(SECRET, 16) ^ (u32(data, n - 4) | u32(data) << 32)
        value = (value ^ rotl(value, 49) ^ rotl(value, 24)) * MX2 & M64
        value = (value ^ (value >> 35) + n) * MX2 & M64
        return value ^ value >> 28
    if n <= 16:
        low = u64(SECRET, 24) ^ u64(SECRET, 32) ^ u64(data)
        high = u64(SECRET, 40) ^ u64(SECRET, 48) ^ u64(data, n - 8)
        swapped = int.from_bytes(low.to_bytes(8, "little"), "big")
        return avalanche((n + swapped + high + fold(low, high)) & M64)

    def mix(at, secret):
        return fold(u64(data, at) ^ u64(SECRET, secret), u64(data, at + 8) ^ u64(SECRET, secret + 8))

    if n <= 128:
        acc = n * P1
        for i in range((n - 1) // 32, -1, -1):
            acc += mix(i * 16, i * 32) + mix(n - i * 16 - 16, i * 32 + 16)
        return avalanche(acc & M64)
    if n <= 240:
        acc = avalanche((n * P1 + sum(mix(i * 16, i * 16) for i in range(8))) & M64)
        acc += sum(mix(i * 16, (i - 8) * 16 + 3) for i in range(8, n // 16)) + mix(n - 16, 119)
        return avalanche(acc & M64)

    acc = [P32_3, P1, P2, P3, P4, P32_2, P5, P32_1]

    def accumulate(at, secret):
        for i in range(8):
            lane = u64(data, at + 8 * i)
            value = lane ^ u64(SECRET, secret + 8 * i)
            acc[i ^ 1] = (acc[i ^ 1] + lane) & M64
            acc[i] = (acc[i] + (value & 0xFFFFFFFF) * (value >> 32)) & M64

    at = 0
    while n - at > 1024:
        for stripe in range(16):
            accumulate(at + 64 * stripe, 8 * stripe)
        for i in range(8):
            acc[i] = (acc[i] ^ acc[i] >> 47 ^ u64(SECRET, 128 + 8 * i)) * P32_1 & M64
        at += 1024
    for stripe in range((n - at - 1) // 64):
        accumulate(at + 64 * stripe, 8 * stripe)
    accumulate(n - 64, 192 - 71)
    result = n * P1 + sum(fold(acc[2 * i] ^ u64(SECRET, 11 + 16 * i), acc[2 * i + 1] ^ u64(SECRET, 19 + 16 * i)) for i in range(4))
    return avalanche(result & M64)


def adler32(data):
    a, b = 1, 0
    for byte in data:
        a = (a + byte) % 65536
        b = (b + a) % 65536
    return b << 16 | a


HASHES = {"XXH3": xxh3, "XXH64": xxh64}
SUMS = {"Adler32V3": zlib.adler32, "Adler32": adler32}

# Published answers, so that a slip above is not taken for the description.
assert xxh64(b"") == 0xEF46DB3751D8E999 and xxh3(b"") == 0x2D06800538D394C2 and xxh64(b"abc") == 0x44BC2CF5AD770999
assert adler32(b"Adler32 checksum test") == zlib.adler32(b"Adler32 checksum test") == 0x4FF907A1


def stream(number, begin, count):
    first, last = begin // 32, (begin + count + 31) // 32
    data = b"".join(hashlib.sha256(struct.pack(">II", number, i)).digest() for i in range(first, last))
    return data[begin - 32 * first:][:count]


def term(text):
    kind, *numbers = text.split(":")
    if kind == "x":
        return bytes.fromhex(numbers[0])
    numbers = [int(n) for n in numbers]
    return bytes(numbers[0]) if kind == "z" else b"\xff" * numbers[0] if kind == "f" else stream(int(kind[1:]), *numbers)


def data(text):
    return b"".join(term(t) for t in text.split())


def case(layer, name, expect="ok", **fields):
    with open(os.path.join(HERE, f"{layer}-{name}.txt"), "w", encoding="ascii") as out:
        out.write(f"layer: {layer}\nexpect: {expect}\n")
        for key, value in fields.items():
            out.write(f"{key}: {value.hex() if isinstance(value, bytes) else value}\n")


def b64(value):
    return base64.b64encode(value).decode()


def whole(content):
    return b64(struct.pack("<Q", xxh3(content)))


def text(**members):
    return json.dumps(members, separators=(",", ":")).encode()


def head(magic, metadata, version=1, length=None):
    n = len(metadata)
    count = bytes([n]) if n < 128 else bytes([n & 127 | 128, n >> 7])
    return magic + bytes([version]) + (count if length is None else length) + metadata


# ---- signatures

def sig_meta(content, hash_name="XXH3", sum_name="Adler32V3", **other):
    members = dict(chunkHashAlgorithm=hash_name, rollingChecksumAlgorithm=sum_name, baseFileHashAlgorithm="XXH3", baseFileHash=whole(content))
    members.update(other)
    return text(**members)


def entry(block, hash_name="XXH3", sum_name="Adler32V3", length=None):
    return struct.pack("<hIQ", len(block) if length is None else length, SUMS[sum_name](block), HASHES[hash_name](block))


def entries(content, size, *names):
    return b"".join(entry(content[i:i + size], *names) for i in range(0, len(content), size))


def sig(metadata, body=b"", magic=b"FRSNCSG", **how):
    return head(magic, metadata, **how) + body


def signatures():
    def made(name, basis, size, *names):
        content = data(basis)
        case("signature", name, basis=basis, block=size, hash=names[0] if names else "XXH3", rolling=names[1] if names else "Adler32V3", made="yes",
             bytes=sig(sig_meta(content, *names), entries(content, size, *names)))

    made("empty", "", 2048)
    made("one-byte", "x:61", 2048)
    made("one-block", "r1:0:2048", 2048)
    made("last-block-of-one-byte", "r1:0:2049", 2048)
    made("smallest-blocks", "r1:0:1000", 128)
    made("largest-blocks", "r1:0:63489", 31744)
    made("equal-blocks", "z:1024 f:1024 z:512", 512)
    for hash_name in HASHES:
        for sum_name in SUMS:
            made(f"{hash_name}-{sum_name}".lower(), "r2:0:5000 f:3000 z:3000", 1000, hash_name, sum_name)

    content = data("r1:0:300")
    body = entries(content, 128)
    sizes = dict(basis="r1:0:300", block=128, hash="XXH3", rolling="Adler32V3", made="no")
    short = dict(chunkHashAlgorithm="XXH3", rollingChecksumAlgorithm="Adler32V3")
    good = sig_meta(content)
    for name, metadata in (
            ("without-a-hash-of-the-file", text(**short)),
            ("with-null", text(**short, baseFileHashAlgorithm=None, baseFileHash=None)),
            ("with-md5-of-the-file", text(**short, baseFileHashAlgorithm="MD5", baseFileHash=b64(bytes(16)))),
            ("with-sha1-of-the-file", text(**short, baseFileHashAlgorithm="SHA1", baseFileHash=b64(bytes(20)))),
            ("with-a-plus-escaped", text(**short, baseFileHashAlgorithm="XXH64", baseFileHash=b64(b"\xfb" * 8)).replace(b"+", b"\\u002B")),
            ("with-members-of-a-later-version", text(**short, baseFileLength=300, later="yes", soon=True, never=None)),
            ("in-another-order-with-blanks", b'{ "rollingChecksumAlgorithm" : "Adler32V3", "chunkHashAlgorithm":"XXH3" } '),
            ("of-the-longest-metadata", text(**short) + b" " * (1024 - len(text(**short))))):
        case("signature", name, **sizes, bytes=sig(metadata, body))

    def refused(name, exit_code, content, bound=1 << 20):
        case("signature", name, "refuse", exit=exit_code, max=bound, bytes=content)

    refused("nothing", 5, b"")
    refused("magic-of-a-delta", 5, sig(good, body, b"FRSNCDLTA"))
    refused("magic-of-octodiff", 4, b"OCTOSIG\x01\x05XXH64\x07Adler32>>>" + bytes(14))
    refused("version-0", 4, sig(good, body, version=0))
    refused("version-2", 4, sig(good, body, version=2))
    refused("metadata-of-no-length", 5, sig(b"", body))
    refused("metadata-too-long", 5, sig(text(**short) + b" " * (1025 - len(text(**short))), body))
    refused("metadata-length-of-three-bytes", 5, sig(good, body, length=b"\xff\xff\x01"))
    refused("metadata-length-of-two-bytes-for-one", 5, sig(text(**short), body, length=bytes([len(text(**short)) | 128, 0])))
    refused("metadata-cut", 5, head(b"FRSNCSG", good)[:-1])
    refused("metadata-no-json", 5, sig(good[:-1], body))
    refused("metadata-two-objects", 5, sig(good + b"{}", body))
    refused("metadata-an-array", 5, sig(b"[" + good + b"]", body))
    refused("metadata-twice-the-same", 5, sig(good[:-1] + b',"chunkHashAlgorithm":"XXH3"}', body))
    refused("metadata-a-number-for-a-text", 5, sig(text(**{**short, "chunkHashAlgorithm": 3}), body))
    refused("metadata-an-object-within", 5, sig(text(**short, later={}), body))
    refused("metadata-not-ascii", 5, sig(text(**short)[:-1] + b',"later":"\xc3\xa4"}', body))
    refused("metadata-half-a-character", 5, sig(text(**{**short, "baseFileHash": "X"}).replace(b"X\"", b"\\ud800\""), body))
    refused("metadata-a-line-break", 5, sig(text(**short)[:-1] + b"\n}", body))
    refused("metadata-in-capitals", 5, sig(good.replace(b"chunkHash", b"ChunkHash"), body))
    refused("no-hash", 5, sig(text(rollingChecksumAlgorithm="Adler32"), body))
    refused("no-rolling-sum", 5, sig(text(chunkHashAlgorithm="XXH3"), body))
    refused("hash-md5", 4, sig(text(**{**short, "chunkHashAlgorithm": "MD5"}), b""))
    refused("hash-sha1", 4, sig(text(**{**short, "chunkHashAlgorithm": "SHA1"}), b""))
    refused("hash-unknown", 4, sig(text(**{**short, "chunkHashAlgorithm": "xxh3"}), body))
    refused("rolling-adler32v2", 4, sig(text(**{**short, "rollingChecksumAlgorithm": "Adler32V2"}), body))
    refused("rolling-unknown", 4, sig(text(**{**short, "rollingChecksumAlgorithm": "Buzhash"}), body))
    refused("file-hash-without-its-name", 5, sig(text(**short, baseFileHash=whole(content)), body))
    refused("file-hash-name-without-hash", 5, sig(text(**short, baseFileHashAlgorithm="XXH3"), body))
    refused("file-hash-unknown", 5, sig(text(**short, baseFileHashAlgorithm="CRC", baseFileHash=whole(content)), body))
    refused("file-hash-too-short", 5, sig(text(**short, baseFileHashAlgorithm="XXH3", baseFileHash=b64(bytes(7))), body))
    refused("file-hash-too-long", 5, sig(text(**short, baseFileHashAlgorithm="MD5", baseFileHash=b64(bytes(64))), body))
    refused("file-hash-without-padding", 5, sig(text(**short, baseFileHashAlgorithm="XXH3", baseFileHash=whole(content).rstrip("=")), body))
    refused("file-hash-with-a-blank", 5, sig(text(**short, baseFileHashAlgorithm="XXH3", baseFileHash=" " + whole(content)), body))
    refused("file-hash-with-spare-bits", 5, sig(text(**short, baseFileHashAlgorithm="XXH3", baseFileHash="AAAAAAAAAAB="), body))
    refused("block-cut", 5, sig(good, body[:-1]))
    refused("block-of-no-length", 5, sig(good, entry(b"", length=0)))
    refused("block-of-negative-length", 5, sig(good, entry(content, length=-300)))
    refused("block-too-long", 5, sig(good, entry(content, length=31745)))
    refused("blocks-too-short", 5, sig(good, entries(content, 127)))
    refused("block-after-the-last", 5, sig(good, body + entry(content[:128])))
    refused("last-block-longer", 5, sig(good, entries(content[:128], 128) + entry(content)))
    refused("file-too-large", 8, sig(good, body), bound=299)


# ---- deltas

def delta_meta(output, basis=None, hash_name="XXH3", **other):
    members = dict(hashAlgorithm=hash_name, expectedFileHashAlgorithm="XXH3", expectedFileHash=whole(output))
    if basis is not None:
        members.update(baseFileHashAlgorithm="XXH3", baseFileHash=whole(basis))
    members.update(other)
    return text(**members)


def copy(begin, length):
    return b"\x60" + struct.pack("<qq", begin, length)


def given(content, length=None):
    return b"\x80" + struct.pack("<q", len(content) if length is None else length) + content


def delta(metadata, *commands, magic=b"FRSNCDLTA", **how):
    return head(magic, metadata, **how) + b"".join(commands)


def deltas():
    def made(name, basis, output, size, *commands, names=("XXH3", "Adler32V3")):
        old, new = data(basis), data(output)
        case("delta", name, basis=basis, output=output, block=size, hash=names[0], rolling=names[1], made="yes",
             bytes=delta(delta_meta(new, old, names[0]), *commands))

    made("of-nothing-from-nothing", "", "", 2048)
    made("of-nothing", "r1:0:5000", "", 2048)
    made("from-nothing", "", "r1:0:5000", 2048, given(data("r1:0:5000")))
    made("of-the-same", "r1:0:5000", "r1:0:5000", 2048, copy(0, 5000))
    made("of-the-same-in-whole-blocks", "r1:0:4096", "r1:0:4096", 2048, copy(0, 4096))
    made("of-nothing-alike", "r1:0:5000", "r2:0:5000", 2048, given(data("r2:0:5000")))
    made("of-a-byte-before", "r1:0:5000", "x:61 r1:0:5000", 2048, given(b"a"), copy(0, 5000))
    made("of-a-byte-behind", "r1:0:4096", "r1:0:4096 x:61", 2048, copy(0, 4096), given(b"a"))
    made("of-a-byte-behind-a-last-block", "r1:0:5000", "r1:0:5000 x:61", 2048, copy(0, 4096), given(data("r1:4096:904 x:61")))
    made("of-a-byte-that-left", "r1:0:5000", "r1:1:4999", 2048, given(data("r1:1:2047")), copy(2048, 2952))
    made("of-a-byte-that-changed", "r1:0:10000", "r1:0:5000 x:00 r1:5001:4999", 1000, copy(0, 5000), given(data("x:00 r1:5001:999")), copy(6000, 4000))
    made("of-blocks-in-another-order", "r1:0:3000", "r1:2000:1000 r1:1000:1000 r1:0:1000", 1000, copy(2000, 1000), copy(1000, 1000), copy(0, 1000))
    made("of-a-block-twice", "r1:0:3000", "r1:0:1000 r1:0:1000", 1000, copy(0, 1000), copy(0, 1000))
    made("of-equal-blocks-that-go-on", "z:2560", "x:61 z:2560", 256, given(b"a"), copy(0, 2560))
    made("of-equal-blocks-in-their-place", "z:1024 r1:0:256 z:1024", "z:1024 r2:0:256 z:1024", 256, copy(0, 1024), given(data("r2:0:256")), copy(1280, 1024))
    made("of-equal-blocks-out-of-place", "z:1024 r1:0:256", "r2:0:100 z:512", 256, given(data("r2:0:100")), copy(0, 512))
    made("of-a-short-last-block-that-goes-on", "r1:0:2058", "r1:0:2058", 1024, copy(0, 2058))
    made("of-a-short-last-block-alone", "r1:0:2058", "r2:0:100 r1:2048:10", 1024, given(data("r2:0:100 r1:2048:10")))
    made("of-a-last-block-that-is-worth-it", "r1:0:2080", "r2:0:100 r1:2048:32", 1024, given(data("r2:0:100")), copy(2048, 32))
    made("of-a-file-too-small-to-copy", "r1:0:31", "r1:0:31", 1024, given(data("r1:0:31")))
    made("of-a-file-just-large-enough", "r1:0:32", "x:61 r1:0:32", 1024, given(b"a"), copy(0, 32))
    for hash_name in HASHES:
        for sum_name in SUMS:
            made(f"{hash_name}-{sum_name}".lower(), "f:20000 r1:0:20000", "r2:0:7 f:10000 r1:0:20000", 5000, given(data("r2:0:7")), copy(0, 10000),
                 copy(20000, 20000), names=(hash_name, sum_name))

    basis, output = "r1:0:1000", "r1:900:100 x:6162 r1:0:10 x:63 r1:0:1000"
    new = data(output)
    good = delta_meta(new)
    commands = (copy(900, 100), given(b"ab"), copy(0, 10), given(b"c"), copy(0, 1000))
    sizes = dict(basis=basis, output=output, made="no")
    case("delta", "of-any-commands", **sizes, bytes=delta(good, *commands))
    case("delta", "of-data-in-pieces", **sizes, bytes=delta(good, copy(900, 100), given(b"a"), given(b"b"), copy(0, 10), given(b"c"), copy(0, 1), copy(1, 999)))
    case("delta", "with-md5-and-sha1", **sizes, bytes=delta(delta_meta(
        new, None, "SHA1", expectedFileHashAlgorithm="MD5", expectedFileHash=b64(bytes(16)), baseFileHashAlgorithm="SHA1", baseFileHash=b64(bytes(20))), *commands))
    case("delta", "with-members-of-a-later-version", **sizes, bytes=delta(delta_meta(new, None, baseFileLength=1000, targetFileLength=7), *commands))
    case("delta", "with-a-hash-that-is-not-its-own", **sizes, bytes=delta(delta_meta(b"another"), *commands))

    def refused(name, exit_code, content, bound=len(new)):
        case("delta", name, "refuse", exit=exit_code, basis=basis, max=bound, bytes=content)

    refused("nothing", 5, b"")
    refused("magic-of-a-signature", 5, delta(good, *commands, magic=b"FRSNCSG"))
    refused("magic-of-octodiff", 4, b"OCTODELTA\x01\x05XXH64\x08\0\0\0" + bytes(8) + b">>>")
    refused("version-2", 4, delta(good, *commands, version=2))
    refused("metadata-of-no-length", 5, delta(b"", *commands))
    refused("metadata-too-long", 5, delta(good + b" " * (1025 - len(good)), *commands))
    refused("metadata-cut", 5, delta(good)[:-1])
    refused("metadata-no-json", 5, delta(good[1:], *commands))
    refused("no-hash-of-blocks", 5, delta(text(expectedFileHashAlgorithm="XXH3", expectedFileHash=whole(new)), *commands))
    refused("hash-of-blocks-unknown", 5, delta(delta_meta(new, None, "CRC"), *commands))
    refused("no-hash-of-the-file", 5, delta(text(hashAlgorithm="XXH3"), *commands))
    refused("hash-of-the-file-too-short", 5, delta(delta_meta(new, expectedFileHash=b64(bytes(4))), *commands))
    refused("hash-of-the-basis-without-its-name", 5, delta(delta_meta(new, baseFileHash=whole(new)), *commands))
    refused("command-unknown", 5, delta(good, b"\x61" + bytes(16)))
    refused("command-zero", 5, delta(good, *commands, b"\0"))
    refused("copy-cut", 5, delta(good, copy(0, 10)[:-1]))
    refused("copy-of-nothing", 5, delta(good, copy(0, 0)))
    refused("copy-of-less-than-nothing", 5, delta(good, copy(0, -1)))
    refused("copy-before-the-begin", 5, delta(good, copy(-1, 10)))
    refused("copy-beyond-the-end", 5, delta(good, copy(991, 10)))
    refused("copy-from-the-end", 5, delta(good, copy(1000, 1)))
    refused("copy-longer-than-the-basis", 5, delta(good, copy(0, 1001)))
    refused("copy-around-the-numbers", 5, delta(good, copy((1 << 63) - 1, (1 << 63) - 1)))
    refused("data-cut", 5, delta(good, given(b"abc", length=4)))
    refused("data-without-its-length", 5, delta(good, given(b"")[:-1]))
    refused("data-of-nothing", 5, delta(good, given(b"")))
    refused("data-of-less-than-nothing", 5, delta(good, given(b"", length=-(1 << 63))))
    refused("data-of-any-length", 8, delta(good, given(b"", length=(1 << 63) - 1)))
    refused("a-byte-more-than-allowed", 8, delta(good, *commands), bound=len(new) - 1)
    refused("copies-without-end", 8, delta(good, *(copy(0, 1000) for _ in range(100))), bound=50_000)
    refused("copies-of-single-bytes", 8, delta(good, *(copy(i, 1) for i in range(900))), bound=1000)


def main():
    for path in glob.glob(os.path.join(HERE, "*.txt")):
        os.remove(path)
    names = ["", "x:61", "x:616263"] + [f"r3:0:{n}" for n in (4, 8, 9, 16, 17, 31, 32, 33, 128, 129, 240, 241, 1024, 1025, 2048, 5552, 5553, 16384, 31744)]
    for number, content in enumerate(names + ["z:31744", "f:31744", "f:5552", "f:5568"]):
        value = data(content)
        case("sums", f"{number:02}", data=content, adler32v3=struct.pack("<I", zlib.adler32(value)), adler32=struct.pack("<I", adler32(value)),
             xxh3=struct.pack("<Q", xxh3(value)), xxh64=struct.pack("<Q", xxh64(value)))
    for cell in (16384, 20480, 32768, 36864, 65536, 126976, 249856, 262144):
        block = max(cell // parts for parts in range(1, 64) if cell % parts == 0 and cell // parts <= 31744)
        case("blocks", str(cell), cell=cell, block=block)
    signatures()
    deltas()


main()
