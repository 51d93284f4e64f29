"""What the makers of vectors share: the derivations of vault/SPEC.md, numbers, and the form of a case."""
import hashlib
import hmac
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", ".."))
from shorthand import short  # noqa: E402

VAULT = bytes(range(16))
LEASE_KEY = bytes(range(32, 64))
SESSION = bytes(range(100, 116))
CELL = 16384


def hkdf(key, salt, info, length):
    prk = hmac.new(salt or bytes(32), key, hashlib.sha256).digest()
    out, block, i = b"", b"", 1
    while len(out) < length:
        block = hmac.new(prk, block + info + bytes([i]), hashlib.sha256).digest()
        out, i = out + block, i + 1
    return out[:length]


def derive(key, salt, label, context=b"", length=32):
    return hkdf(key, salt, b"vmpod/v1/" + label + b"\0" + VAULT + context, length)


K_MAC, K_KDF, K_TAG, K_HASH = (derive(LEASE_KEY, b"", label) for label in (b"mac", b"kdf", b"tag", b"tag-hash"))
LEASE_ID = derive(LEASE_KEY, b"", b"id", length=8)


# Suite 1 derives with one byte of context more, and uses keyed BLAKE2b-256 and ChaCha20-Poly1305.
K1_MAC, K1_KDF, K1_TAG, K1_HASH = (derive(LEASE_KEY, b"", label, b"\1") for label in (b"mac", b"kdf", b"tag", b"tag-hash"))
LEASE1_ID = derive(LEASE_KEY, b"", b"id", b"\1", length=8)


def mac1(key, data):
    return hashlib.blake2b(data, key=key, digest_size=32).digest()


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def be(value, size):
    return value.to_bytes(size, "big")


def varint(value):
    out = b""
    while value >= 0x80:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def text(value):
    return varint(len(value.encode())) + value.encode()


COUNT = {"ok": 0, "refuse": 0}


def case(layer, file, expect, name, **fields):
    COUNT[expect] += 1
    with open(os.path.join(HERE, f"{layer}-{file}.txt"), "w", encoding="utf-8") as out:
        out.write(f"name: {name}\nlayer: {layer}\nexpect: {expect}\n")
        for key, value in fields.items():
            out.write(f"{key}: {short(value, zeros=16) if isinstance(value, bytes) else value}\n")


# Ids of cells in tables
A, B, C, D = (hashlib.sha256(b"cell " + name).digest() for name in (b"A", b"B", b"C", b"D"))
