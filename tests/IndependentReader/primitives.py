"""The primitives of vault/SPEC.md: python's own, OpenSSL's (python3-cryptography), libsodium's Argon2id and libzstd, the latter two by ctypes."""
from __future__ import annotations

import ctypes
import hashlib
import hmac
from typing import Callable, NamedTuple

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from errors import MISSING, VaultError, damaged

NONCE = bytes(12)


def library(name: str, package: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(name)
    except OSError:
        raise VaultError(MISSING, f"{name} is not installed: apt-get install {package}") from None


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def hmac256(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


def hkdf(key: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869. An absent salt is 32 zero bytes."""
    prk, out, block = hmac256(salt or bytes(32), key), b"", b""
    for i in range(1, 1 + -(-length // 32)):
        block = hmac256(prk, block + info + bytes([i]))
        out += block
    return out[:length]


def argon2id(passphrase: bytes, salt: bytes, memory_kib: int, passes: int) -> bytes:
    sodium, out = library("libsodium.so.23", "libsodium23"), ctypes.create_string_buffer(32)
    failed = sodium.crypto_pwhash(out, ctypes.c_ulonglong(32), passphrase, ctypes.c_ulonglong(len(passphrase)), salt, ctypes.c_ulonglong(passes),
                                  ctypes.c_size_t(memory_kib * 1024), ctypes.c_int(2))
    if failed:
        raise VaultError(MISSING, f"Argon2id needs {memory_kib} KiB of memory")
    return out.raw


def unwrap(key: bytes, sealed: bytes, associated: bytes | None = None) -> bytes | None:
    """AES-256-GCM with the nonce 0 (V-04); None if it does not open."""
    try:
        return AESGCM(key).decrypt(NONCE, sealed, associated)
    except InvalidTag:
        return None


def public_of(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def is_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


class Suite(NamedTuple):
    """What V-115 lets a suite choose."""
    number: int
    context: bytes                                   # of the derivations of V-05
    mac: Callable[[bytes, bytes], bytes]             # key, data
    aead: type[AESGCM] | type[ChaCha20Poly1305]

    def open(self, key: bytes, sealed: bytes, associated: bytes) -> bytes | None:
        try:
            return self.aead(key).decrypt(NONCE, sealed, associated)
        except InvalidTag:
            return None

    def change_tag(self, k_tag: bytes, k_hash: bytes, chunk: bytes) -> bytes:
        """V-20; in suite 1 V-115."""
        return self.mac(k_tag, AESGCM(k_hash).encrypt(NONCE, b"", chunk) if self.number == 2 else chunk)[:16]


SUITES = {
    1: Suite(1, b"\1", lambda key, data: hashlib.blake2b(data, key=key, digest_size=32).digest(), ChaCha20Poly1305),
    2: Suite(2, b"", hmac256, AESGCM),
}


class Zstd:
    """One frame at a time, alone or with bytes that it may copy from."""

    MAGIC = b"\x28\xb5\x2f\xfd"

    def __init__(self) -> None:
        self.lib = library("libzstd.so.1", "libzstd1")
        for name, result, arguments in (
                ("ZSTD_createDCtx", ctypes.c_void_p, []), ("ZSTD_DCtx_refPrefix", ctypes.c_size_t, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]),
                ("ZSTD_findFrameCompressedSize", ctypes.c_size_t, [ctypes.c_char_p, ctypes.c_size_t]),
                ("ZSTD_decompressDCtx", ctypes.c_size_t, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t])):
            function = getattr(self.lib, name)
            function.restype, function.argtypes = result, arguments
        self.context = ctypes.c_void_p(self.lib.ZSTD_createDCtx())

    def decode(self, frame: bytes, length: int, prefix: bytes = b"") -> bytes:
        """Exactly one frame that gives exactly `length` bytes; all else is damage (V-17)."""
        if frame[:4] != self.MAGIC or self.lib.ZSTD_findFrameCompressedSize(frame, len(frame)) != len(frame):
            raise damaged("a payload is not one zstd frame")
        out = ctypes.create_string_buffer(length)
        if prefix:
            self.lib.ZSTD_DCtx_refPrefix(self.context, prefix, len(prefix))
        if self.lib.ZSTD_decompressDCtx(self.context, out, length, frame, len(frame)) != length:
            raise damaged("a zstd frame does not give the chunk")
        return out.raw
