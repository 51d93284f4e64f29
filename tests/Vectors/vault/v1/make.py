#!/usr/bin/env python3
"""Writes the vectors of this folder from vault/SPEC.md, sharing no code with VmPod.

Needs Debian's python3-cryptography (AES-GCM, Ed25519), libsodium23 (Argon2id) and libzstd1 (frames: another version may find others, as good).
Run in this folder: python3 make.py
Bytes are hexadecimal; in `bytes` and `plaintext`, "00*12" stands for twelve zero bytes. A `patch` is "offset=bytes", applied to what the case seals.
"""
import ctypes
import hashlib
import os
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

sys.dont_write_bytecode = True

import pages
from common import (A, B, CELL, COUNT, HERE, K1_HASH, K1_KDF, K1_MAC, K1_TAG, K_HASH, K_KDF, K_MAC, K_TAG, LEASE1_ID, LEASE_ID, LEASE_KEY, SESSION,
                    VAULT, be, case, derive, mac, mac1, text, varint)


# Cells

def entry(stream, chunk, codec, raw, offset, length, part=0, more=False, last=0):
    return be(stream, 4) + be(chunk, 8) + bytes([codec, part | (0x80 if more else 0)]) + be(raw, 3) + be(offset, 3) + be(length, 3) + bytes([last])


def content(entries, body, kind=1, reserved=b"\0\0\0", count=None, capacity=CELL - 64):
    head = bytes([kind]) + reserved + be(len(entries) if count is None else count, 4) + SESSION + LEASE_ID + be(7, 8) + be(3, 8)
    data = head + b"".join(entries) + body
    return data + bytes(capacity - len(data))


def seal(plaintext):
    header = b"VPR1" + bytes([2, 0]) + be((len(plaintext) + 64) // 4096, 2) + LEASE_ID
    t = mac(K_MAC, header + plaintext)
    return header + t + AESGCM(mac(K_KDF, t)).encrypt(bytes(12), plaintext, header + t)


def seal1(plaintext):
    header = b"VPR1" + bytes([1, 0]) + be((len(plaintext) + 64) // 4096, 2) + LEASE1_ID
    t = mac1(K1_MAC, header + plaintext)
    return header + t + ChaCha20Poly1305(mac1(K1_KDF, t)).encrypt(bytes(12), plaintext, header + t)


def cells():
    hello = content([entry(5, 9, 1, 5, 0, 5)], b"hello")
    two = content([entry(5, 9, 1, 5, 0, 5), entry(5, 10, 2, 65536, 5, 11)], b"hello" + b"not a frame")
    for file, plaintext in (("one", hello), ("two", two), ("large", content([entry(1, 0, 1, 65536, 0, 65536)], bytes(65535) + b"x", capacity=131072 - 64))):
        sealed = seal(plaintext)
        case("cell", f"seal-{file}", "ok", "a cell seals to these bytes and opens again", vaultId=VAULT, leaseKey=LEASE_KEY, plaintext=plaintext,
             mac=sealed[16:48], tag=sealed[-16:], id=hashlib.sha256(b"\0" + sealed).digest())
    good = seal(hello)
    patches = [("magic", 0, 1), ("suite", 4, 3), ("version", 5, 1), ("units", 7, 1), ("key-id", 15, 1), ("mac-first", 16, 0x80), ("mac-last", 47, 1),
               ("ciphertext-first", 48, 1), ("padding", CELL - 17, 1), ("tag-first", CELL - 16, 1), ("tag-last", CELL - 1, 0x80)]
    for file, offset, mask in patches:
        case("cell", f"changed-{file}", "refuse", f"a cell with a changed {file.replace('-', ' ')} does not open", vaultId=VAULT, leaseKey=LEASE_KEY,
             plaintext=hello, patch=f"{offset}={bytes([good[offset] ^ mask]).hex()}")
    for file, plaintext in (("one", hello), ("two", two), ("large", content([entry(1, 0, 1, 65536, 0, 65536)], bytes(65535) + b"x", capacity=131072 - 64))):
        sealed = seal1(plaintext)
        case("cell", f"suite-1-seal-{file}", "ok", "a cell of suite 1 seals to these bytes and opens again", suite=b"\1", vaultId=VAULT, leaseKey=LEASE_KEY,
             plaintext=plaintext, mac=sealed[16:48], tag=sealed[-16:], id=hashlib.sha256(b"\0" + sealed).digest())
    good = seal1(hello)
    for file, offset, mask in patches:
        case("cell", f"suite-1-changed-{file}", "refuse", f"a cell of suite 1 with a changed {file.replace('-', ' ')} does not open", suite=b"\1", vaultId=VAULT,
             leaseKey=LEASE_KEY, plaintext=hello, patch=f"{offset}={bytes([good[offset] ^ mask]).hex()}")
    # Whole cells of the one suite, shown to the keys of the other.
    case("cell", "suite-1-in-a-vault-of-2", "refuse", "a cell of suite 1 in a vault of suite 2", vaultId=VAULT, leaseKey=LEASE_KEY, plaintext=hello,
         patch=f"0={seal1(hello).hex()}")
    case("cell", "suite-2-in-a-vault-of-1", "refuse", "a cell of suite 2 in a vault of suite 1", suite=b"\1", vaultId=VAULT, leaseKey=LEASE_KEY, plaintext=hello,
         patch=f"0={seal(hello).hex()}")


def contents():
    e1, e2 = entry(5, 9, 1, 5, 0, 5), entry(5, 10, 1, 3, 5, 3)
    ok = [("two", [e1, e2], b"hellobye", {}), ("goes-on", [e1, entry(5, 10, 1, 9, 5, 3, more=True)], b"hellobye", {}),
          ("part-first", [entry(5, 9, 1, 99, 0, 5, part=1), e2], b"hellobye", {})]
    for file, entries, body, options in ok:
        case("content", file, "ok", "a canonical plaintext", bytes=content(entries, body, **options))
    bad = [("type", [e1], b"hello", {"kind": 2}), ("reserved", [e1], b"hello", {"reserved": b"\0\1\0"}), ("empty", [], b"", {}),
           ("count-huge", [e1], b"hello", {"count": 0xFFFFFFFF}), ("gap", [e1, entry(5, 10, 1, 3, 6, 3)], b"hello?bye", {}),
           ("overlap", [e1, entry(5, 10, 1, 3, 4, 3)], b"hellobye", {}), ("padding", [e1], b"hello\0x", {}),
           ("codec-zero", [entry(5, 9, 0, 5, 0, 5)], b"hello", {}), ("codec-unknown", [entry(5, 9, 7, 5, 0, 5)], b"hello", {}),
           ("raw-length-zero", [entry(5, 9, 1, 0, 0, 5)], b"hello", {}), ("raw-length-large", [entry(5, 9, 1, 65537, 0, 5)], b"hello", {}),
           ("length-zero", [entry(5, 9, 1, 5, 0, 0)], b"", {}), ("beyond-the-end", [entry(5, 9, 1, 65536, 0, 65536)], b"hello", {}),
           ("part-in-the-middle", [e1, entry(5, 10, 1, 3, 5, 3, part=1)], b"hellobye", {}),
           ("goes-on-in-the-middle", [entry(5, 9, 1, 9, 0, 5, more=True), e2], b"hellobye", {}), ("last-byte", [entry(5, 9, 1, 5, 0, 5, last=1)], b"hello", {})]
    for file, entries, body, options in bad:
        case("content", file, "refuse", f"a plaintext that is not canonical: {file.replace('-', ' ')}", bytes=content(entries, body, **options))


# Tables

def whole(cell, slot, rest=(), commit=7):
    return bytes([1 | len(rest) << 4]) + LEASE_ID + varint(commit) + cell + varint(slot) + b"".join(rest)


def leaves():
    first = varint(3) + varint(0) + whole(A, 0, [B])
    case("map-leaf", "four", "ok", "whole, last cell, same cell, zero", bytes=first + varint(0) + varint(1) + bytes([3]) + varint(2)
         + varint(0) + varint(1) + bytes([2]) + varint(3) + varint(2) + varint(300) + b"\0")
    case("map-leaf", "empty", "ok", "an empty leaf reads; a table refuses it where it expects entries", bytes=b"")
    bad = [("first-same-cell", varint(3) + varint(0) + bytes([2]) + varint(1)), ("same-chunk-twice", first + varint(0) + varint(0) + bytes([3]) + varint(2)),
           ("long-number", bytes([0x83, 0x00]) + varint(0) + whole(A, 0)), ("stream-reserved", varint(0xFFFFFF00) + varint(0) + whole(A, 0)),
           ("stream-beyond-32-bits", varint(1 << 32) + varint(0) + whole(A, 0)), ("chunk-beyond-16-TiB", varint(3) + varint((1 << 28) + 1) + whole(A, 0)),
           ("kind-unknown", varint(3) + varint(0) + bytes([4]) + varint(1)), ("zero-with-cells", varint(3) + varint(0) + bytes([0x10]) + A),
           ("whole-where-same-cell-would-do", first + varint(0) + varint(1) + whole(A, 1)), ("truncated-id", first[:-1]), ("slot-huge", varint(3) + varint(0) + whole(A, 1 << 20)),
           ("birth-zero", varint(3) + varint(0) + bytes([1]) + bytes(8) + varint(0) + A + varint(0))]
    for file, data in bad:
        case("map-leaf", file, "refuse", f"a leaf that is not canonical: {file.replace('-', ' ')}", bytes=data)
    case("tag-leaf", "two", "ok", "two tags", bytes=varint(3) + varint(0) + LEASE_ID + bytes(range(16)) + varint(0) + varint(5) + bytes(24))
    case("tag-leaf", "truncated", "refuse", "a tag of 15 bytes", bytes=varint(3) + varint(0) + LEASE_ID + bytes(range(15)))


# Manifest and commit

def stream(step, name, kind=1, length=65536, mode=0o644):
    return varint(step) + bytes([kind]) + text(name) + varint(length) + varint(mode) + be(1_700_000_000_000_000_000, 8)


def manifest(streams, magic=b"VPM1", kind=1, next_stream=10, map_runs=b"\0", tag_runs=b"\0", count=None):
    return magic + varint(7) + bytes([kind]) + text("put") + varint(next_stream) + varint(len(streams) if count is None else count) + b"".join(streams) \
        + map_runs + tag_runs


def manifests():
    leaf = varint(1) + varint(0) + whole(bytes(32), 0)
    inline = varint(1) + varint(1) + varint(len(leaf)) + bytes([1]) + varint(len(leaf)) + leaf
    listed = varint(1) + varint(2000) + varint(32768) + bytes([2]) + varint(2) + varint(1) + varint(0) + whole(A, 0) + varint(1) + varint(950) + bytes([2]) + varint(1)
    case("manifest", "two", "ok", "two files, a run inline and a run of leaves", bytes=manifest([stream(1, "a"), stream(2, "b/ö")], map_runs=inline, tag_runs=listed))
    case("manifest", "none", "ok", "no stream, no run", bytes=manifest([]))
    bad = [("magic", manifest([], magic=b"VPM2")), ("kind", manifest([], kind=4)), ("name-climbs", manifest([stream(1, "../a")])),
           ("name-absolute", manifest([stream(1, "/a")])), ("name-empty", manifest([stream(1, "")])), ("name-dot", manifest([stream(1, "a/./b")])),
           ("name-zero-byte", manifest([stream(1, "a\0b")])), ("name-twice", manifest([stream(1, "a"), stream(1, "a")])),
           ("number-twice", manifest([stream(1, "a"), stream(0, "b")])), ("number-beyond-next", manifest([stream(10, "a")])),
           ("length-beyond-16-TiB", manifest([stream(1, "a", length=(1 << 44) + 1)])), ("stream-kind", manifest([stream(1, "a", kind=8)])),
           ("count-beyond", manifest([stream(1, "a")], count=2)), ("trailing", manifest([]) + b"\0"), ("run-empty-inline", manifest([], map_runs=varint(1) + b"\1\1\1\0")),
           ("run-kind", manifest([], map_runs=varint(1) + b"\1\1\4\1")), ("runs-too-many", manifest([], map_runs=varint(65))),
           ("mode-beyond-16-bits", manifest([stream(1, "a", mode=1 << 16)])), ("next-stream-beyond-31-bits", manifest([], next_stream=1 << 31))]
    for file, data in bad:
        case("manifest", file, "refuse", f"a manifest that is refused: {file.replace('-', ' ')}", bytes=data)
    utf8 = manifest([stream(1, "ab")]).replace(b"ab", b"\xffb")
    case("manifest", "name-not-utf-8", "refuse", "a name that is not UTF-8", bytes=utf8)


def commit(magic=b"VPC1", kind=1, cells=(A,), manifest_bytes=100, added=1, count=None):
    ids = b"".join(cells)
    return magic + VAULT + SESSION + LEASE_ID + be(2, 8) + be(7, 8) + bytes([kind]) + be(3, 8) + be(1_700_000_000_000, 8) + B + be(77, 8) + be(500, 8) \
        + be(900, 8) + be(len(cells) if count is None else count, 2) + ids + be(4, 4) + be(manifest_bytes, 4) + be(added, 4) + hashlib.sha256(A).digest() \
        + be(0, 4) + hashlib.sha256(b"").digest() + be(12, 8) + B


def commits():
    case("commit", "one", "ok", "a record with one manifest cell", bytes=commit())
    case("commit", "two", "ok", "a record with two manifest cells", bytes=commit(cells=(A, B)))
    bad = [("magic", commit(magic=b"VPR1")), ("kind-zero", commit(kind=0)), ("kind-unknown", commit(kind=4)), ("no-manifest-cell", commit(cells=())),
           ("manifest-cells-beyond", commit(count=1025)), ("manifest-empty", commit(manifest_bytes=0)), ("manifest-beyond-16-MiB", commit(manifest_bytes=(1 << 24) + 1)),
           ("ids-beyond", commit(added=(1 << 22) + 1)), ("truncated", commit()[:-1])]
    for file, data in bad:
        case("commit", file, "refuse", f"a record that is refused: {file.replace('-', ' ')}", bytes=data)


# Keys and slots

def keys():
    case("lease-keys", "one", "ok", "what K_lease gives", vaultId=VAULT, leaseKey=LEASE_KEY, mac=K_MAC, record=K_KDF, tag=K_TAG, hash=K_HASH, id=LEASE_ID)
    case("change-tag", "one", "ok", "the change tag of a chunk", vaultId=VAULT, leaseKey=LEASE_KEY, bytes=b"a chunk", tag=mac(K_TAG, AESGCM(K_HASH).encrypt(bytes(12), b"", b"a chunk"))[:16])


def keys_of_suite_1():
    case("lease-keys", "suite-1", "ok", "what K_lease gives in suite 1", suite=b"\1", vaultId=VAULT, leaseKey=LEASE_KEY, mac=K1_MAC, record=K1_KDF, tag=K1_TAG,
         hash=K1_HASH, id=LEASE1_ID)
    case("change-tag", "suite-1", "ok", "the change tag of a chunk in suite 1", suite=b"\1", vaultId=VAULT, leaseKey=LEASE_KEY, bytes=b"a chunk",
         tag=mac1(K1_TAG, b"a chunk")[:16])


def slots():
    passphrase, device, root, salt, wrap_salt = b"correct horse", bytes(range(200, 232)), bytes(range(32)), bytes(range(16)), bytes(range(16, 32))
    stretched = ctypes.create_string_buffer(32)
    failed = ctypes.CDLL("libsodium.so.23").crypto_pwhash(stretched, ctypes.c_ulonglong(32), passphrase, ctypes.c_ulonglong(len(passphrase)), salt,
                                                          ctypes.c_ulonglong(3), ctypes.c_size_t(8192 * 1024), 2)
    assert failed == 0
    stretched = stretched.raw
    kek, commitment = derive(stretched, device, b"kek", salt), derive(stretched, device, b"kek-commitment", salt)
    wrapped = wrap_salt + AESGCM(derive(kek, wrap_salt, b"root")).encrypt(bytes(12), root, None)
    slot = b"VPS1" + b"\1" + be(8192, 4) + be(3, 4) + salt + commitment + wrapped
    common = {"vaultId": VAULT, "device": device, "passphrase": passphrase}
    case("slot", "right", "ok", "the passphrase opens K_root", **common, bytes=slot, root=root)
    case("slot", "wrong-passphrase", "refuse", "another passphrase", vaultId=VAULT, device=device, passphrase=b"correct hors", bytes=slot)
    case("slot", "wrong-device", "refuse", "the slot on another pod", vaultId=VAULT, device=bytes(32), passphrase=passphrase, bytes=slot)
    changes = [("magic", 0), ("kind", 4), ("memory", 5), ("passes", 12), ("salt", 13), ("commitment", 29), ("wrapping-salt", 61), ("wrapped-key", 77), ("tag", 124)]
    for file, offset in changes:
        changed = bytearray(slot)
        changed[offset] ^= 0x80
        case("slot", f"changed-{file}", "refuse", f"a slot with a changed {file.replace('-', ' ')}", **common, bytes=bytes(changed))
    case("slot", "memory-too-small", "refuse", "a slot that asks for 8 KiB only", **common, bytes=slot[:5] + be(8, 4) + slot[9:])
    case("slot", "truncated", "refuse", "a slot that lacks a byte", **common, bytes=slot[:-1])
    case("slot", "trailing", "refuse", "a slot with a byte more", **common, bytes=slot + b"\0")


# Recovery

with open(os.path.join(HERE, "../../../../vault/Vault/Words/english.txt"), encoding="ascii") as file_of_words:
    WORDS = file_of_words.read().split()
# The list is data that both sides read: this is the hash of the file that BIP-39 publishes.
assert hashlib.sha256(("\n".join(WORDS) + "\n").encode()).hexdigest() == "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda"

# Entropy and words that BIP-39 publishes (its reference vectors of 24 words).
PUBLISHED = [
    ("00" * 32, "abandon " * 23 + "art"), ("ff" * 32, "zoo " * 23 + "vote"),
    ("7f" * 32, "legal winner thank year wave sausage worth useful " * 2 + "legal winner thank year wave sausage worth title"),
    ("80" * 32, "letter advice cage absurd amount doctor acoustic avoid " * 2 + "letter advice cage absurd amount doctor acoustic bless"),
    ("68a79eaca2324873eacc50cb9c6eca8cc68ea5d936f98787c60c7ebc74e6ce7c",
     "hamster diagram private dutch cause delay private meat slide toddler razor book happy fancy gospel tennis maple dilemma loan word shrug inflict delay length"),
    ("9f6a2878b2520799a44ef18bc7df394e7061a224d2c33cd015b157d746869863",
     "panda eyebrow bullet gorilla call smoke muffin taste mesh discover soft ostrich alcohol speed nation flash devote level hobby quick inner drive ghost inside"),
]


def words_of(entropy):
    number = int.from_bytes(entropy + hashlib.sha256(entropy).digest()[:1], "big")
    return " ".join(WORDS[number >> 11 * (23 - i) & 2047] for i in range(24))


def words():
    for i, (entropy, said) in enumerate(PUBLISHED):
        assert words_of(bytes.fromhex(entropy)) == said
        case("words", f"published-{i}", "ok", "words that BIP-39 publishes", text=said.encode(), entropy=bytes.fromhex(entropy))
    good = PUBLISHED[4][1]
    parts = good.split()
    case("words", "spelled-freely", "ok", "capitals, tabs and line ends", text=("  " + good.upper().replace(" ", "\r\n\t", 9) + "\n").encode(),
         entropy=bytes.fromhex(PUBLISHED[4][0]))
    bad = [("unknown", parts[:6] + ["delays"] + parts[7:]), ("prefix", ["hams"] + parts[1:]), ("one-less", parts[:23]), ("one-more", parts + ["art"]),
           ("twelve", ["abandon"] * 11 + ["about"]), ("another-word", parts[:5] + ["dune"] + parts[6:]), ("two-changed-places", [parts[1], parts[0]] + parts[2:]),
           ("none", [])]
    for file, said in bad:
        case("words", file, "refuse", f"words that are refused: {file.replace('-', ' ')}", text=" ".join(said).encode())
    case("words", "not-ascii", "refuse", "a word with a letter beyond ASCII", text=good.replace("book", "bo\u00f6k").encode())


def recovery():
    entropy, vault_key, log_seed = bytes.fromhex(PUBLISHED[5][0]), bytes(range(64, 96)), bytes(range(96, 128))
    salt, wrap_salt, number, made = bytes(range(16)), bytes(range(16, 32)), 3, 1_700_000_000_000
    owner = Ed25519PrivateKey.from_private_bytes(bytes(range(7, 39)))
    public = owner.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    context = be(number, 4)

    def slot(number=number, vault=VAULT):
        commitment = derive(entropy, salt, b"recovery-commitment", context)
        key = derive(entropy, salt, b"recovery", context)
        keys = wrap_salt + AESGCM(derive(key, wrap_salt, b"recovery-keys", context)).encrypt(bytes(12), vault_key + log_seed, None)
        unsigned = be(number, 4) + be(made, 8) + salt + commitment + keys
        return unsigned + owner.sign(b"vmpod/v1/recovery\0" + vault + unsigned)

    good = slot()
    common = {"vaultId": VAULT, "owner": public, "text": PUBLISHED[5][1].encode()}
    case("recovery", "right", "ok", "the words open K_vault and the log key", **common, bytes=good, vaultKey=vault_key, logSeed=log_seed)
    case("recovery", "wrong-words", "refuse", "other words", vaultId=VAULT, owner=public, text=PUBLISHED[4][1].encode(), bytes=good)
    case("recovery", "other-vault", "refuse", "a slot that the owner signed for another vault", **common, bytes=slot(vault=bytes(16)))
    case("recovery", "moved-to-other-vault", "refuse", "the slot in another vault", vaultId=bytes(16), owner=public, text=common["text"], bytes=good)
    case("recovery", "other-owner", "refuse", "another owner's signature", vaultId=VAULT, owner=bytes(31) + b"\1", text=common["text"], bytes=good)
    case("recovery", "renumbered", "refuse", "the owner's own signature over another number", **common, bytes=slot(number=4))
    case("recovery", "number-zero", "refuse", "number zero", **common, bytes=slot(number=0))
    for file, offset in [("number", 3), ("time", 11), ("salt", 12), ("commitment", 28), ("wrapping-salt", 60), ("wrapped-key", 76), ("tag", 155), ("signature", 156)]:
        changed = bytearray(good)
        changed[offset] ^= 1
        case("recovery", f"changed-{file}", "refuse", f"a slot with a changed {file.replace('-', ' ')}", **common, bytes=bytes(changed))
    case("recovery", "truncated", "refuse", "a slot that lacks a byte", **common, bytes=good[:-1])
    case("recovery", "trailing", "refuse", "a slot with a byte more", **common, bytes=good + b"\0")


def links():
    root, shred, vault_key, wrap_salt = bytes(range(32)), bytes(range(150, 182)), bytes(range(64, 96)), bytes(range(16, 32))
    link = derive(root, shred, b"vault-link")
    good = b"VPS1" + b"\3" + wrap_salt + AESGCM(derive(link, wrap_salt, b"vault-key")).encrypt(bytes(12), vault_key, None)
    common = {"vaultId": VAULT, "root": root, "shred": shred}
    case("vault-key", "right", "ok", "K_root and K_shred open K_vault", **common, bytes=good, vaultKey=vault_key)
    case("vault-key", "other-root", "refuse", "another K_root", vaultId=VAULT, root=bytes(32), shred=shred, bytes=good)
    case("vault-key", "other-shred", "refuse", "K_shred erased", vaultId=VAULT, root=root, shred=bytes(32), bytes=good)
    case("vault-key", "other-vault", "refuse", "the file in another vault", vaultId=bytes(16), root=root, shred=shred, bytes=good)
    for file, offset in [("magic", 0), ("kind", 4), ("wrapping-salt", 5), ("wrapped-key", 21), ("tag", 68)]:
        changed = bytearray(good)
        changed[offset] ^= 1
        case("vault-key", f"changed-{file}", "refuse", f"a file with a changed {file.replace('-', ' ')}", **common, bytes=bytes(changed))
    case("vault-key", "truncated", "refuse", "a file that lacks a byte", **common, bytes=good[:-1])
    case("vault-key", "trailing", "refuse", "a file with a byte more", **common, bytes=good + b"\0")


for old in os.listdir(HERE):
    if old.endswith(".txt"):
        os.remove(os.path.join(HERE, old))
for make in (cells, contents, leaves, pages.page_tables, pages.payloads, pages.chunks, pages.groups, manifests, commits, keys, keys_of_suite_1, slots, words, recovery, links):
    make()
print(COUNT)
