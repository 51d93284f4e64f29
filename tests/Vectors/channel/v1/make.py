#!/usr/bin/env python3
"""Writes the vectors of this folder from sync/SPEC.md (S-20 to S-54), sharing no code with VmPod. Needs the standard library only.

Run in this folder: python3 make.py. Bytes are hexadecimal; the messages of the digits are made of the pattern that `pattern` gives.
"""
import base64
import hashlib
import hmac
import os

HERE = os.path.dirname(os.path.abspath(__file__))
KEY = bytes(range(32))
OTHER = bytes(range(200, 232))


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def hkdf(key, salt, info, length=32):
    prk, out, block, i = mac(salt or bytes(32), key), b"", b"", 1
    while len(out) < length:
        block = mac(prk, block + info + bytes([i]))
        out, i = out + block, i + 1
    return out[:length]


def sha(data):
    return hashlib.sha256(data).digest()


def be(value, size):
    return value.to_bytes(size, "big", signed=value < 0)


def pattern(start, length):
    return bytes((start + 7 * i) % 256 for i in range(length))


def case(layer, file, expect="ok", **fields):
    with open(os.path.join(HERE, f"{layer}-{file}.txt"), "w", encoding="utf-8") as out:
        out.write(f"layer: {layer}\nexpect: {expect}\n")
        for key, value in fields.items():
            out.write(f"{key}: {value.hex() if isinstance(value, bytes) else value}\n")


def channel():
    for psk, seconds, direction in ((KEY, 0, 1), (KEY, 86399, 1), (KEY, 86400, 1), (KEY, 1773500966, 1), (KEY, 1773500966, 2), (OTHER, 1773500966, 1), (KEY, -1, 1)):
        day, d = seconds // 86400, bytes([direction])
        identity_key = hkdf(psk, b"", b"vmpod/v1/channel-identity\0" + d)
        name = f"{'key' if psk == KEY else 'other'}-{seconds}-{direction}".replace("--", "-minus-")
        case("identity", name, psk=psk, seconds=seconds, direction=direction, day=day, tls=hkdf(psk, b"", b"vmpod/v1/channel-psk\0" + d),
             identity=mac(identity_key, be(day, 8) + d)[:16])


def codes():
    def b32(data):
        return base64.b32encode(data).decode().rstrip("=").lower()

    def code(address, secret, head="vmpod-pair:1:"):
        text = f"{head}{address}:{b32(secret) if isinstance(secret, bytes) else secret}"
        return f"{text}:{b32(sha(text.encode())[:3])[:4]}"

    def ascii_case(file, text, expect="ok", **fields):
        case("code", file, expect, text=text.encode(), **fields)

    for file, address in (("plain", ""), ("address", "10.0.0.2:7410"), ("ipv6", "[2001:db8::1]:7410"), ("longest", "a" * 253 + ":65535")):
        ascii_case(file, code(address, KEY), address=address, secret=KEY, psk=hkdf(KEY, b"", b"vmpod/v1/pairing-psk\0"),
                   identity=hkdf(KEY, b"", b"vmpod/v1/pairing-identity\0", 16))
    good = code("10.0.0.2:7410", KEY)
    last = b32(KEY)
    for file, text in (("version", code("", KEY, "vmpod-pair:2:")), ("address-too-long", code("a" * 260, KEY)), ("address-with-a-blank", code("a b:1", KEY)),
                       ("secret-too-short", code("", KEY[:31])), ("secret-too-long", code("", KEY + b"x")),
                       ("bits-beyond-the-end", code("", last[:-1] + "abcdefghijklmnopqrstuvwxyz234567"["abcdefghijklmnopqrstuvwxyz234567".index(last[-1]) + 1])),
                       ("check-wrong", good[:-1] + ("b" if good[-1] == "a" else "a")), ("check-missing", good[:-5]), ("something-after", good + ":"), ("empty", "")):
        ascii_case(file, text, "refuse")


def digits():
    for file, s in (("one", 1), ("two", 90)):
        share, nonce = b"VPD1" + pattern(s, 1216), pattern(s + 1, 32)
        commitment = sha(b"vmpod/v1/pairing-commitment\0" + share + nonce)
        hello, reply, reveal = share + commitment, b"VPD2" + pattern(s + 2, 1152), b"VPD3" + nonce
        transcript = sha(b"vmpod/v1/pairing-transcript\0" + hello + reply + reveal)
        shared = pattern(s + 3, 64)
        case("digits", file, start=s, commitment=commitment, transcript=transcript, shared=shared,
             digits=int.from_bytes(hkdf(transcript, b"", b"vmpod/v1/pairing-digits\0", 16), "big") % 1000000,
             secret=hkdf(shared, transcript, b"vmpod/v1/pairing-compared\0"))


def name(text):
    return bytes([len(text)]) + text + bytes(64 - len(text))


def agreements():
    for way in (1, 2):
        offer = b"VPO1" + pattern(5, 32) + name(b"workstation")
        answer = b"VPO2" + pattern(6, 32) + pattern(9, 16) + bytes([way]) + be(1773500966, 8) + name(b"pod")
        psk = hkdf(OTHER, sha(b"vmpod/v1/pairing-agreement\0" + bytes([way]) + offer + answer), b"vmpod/v1/pairing-key\0")
        case("agreement", f"way-{way}", exporter=OTHER, way=way, offer=offer, answer=answer, psk=psk, receipt=mac(psk, b"vmpod/v1/pairing-receipt\0"))


def stored():
    def record(magic=b"VPP1", role=1, seconds=1773500966, peer=b"workstation", length=None):
        return magic + pattern(9, 16) + KEY + bytes([role]) + be(seconds, 8) + bytes([len(peer) if length is None else length]) + peer

    for file, data in (("home", record()), ("foreign", record(role=2)), ("mirror", record(role=3)), ("latest", record(seconds=253402300799)), ("longest-name", record(peer=b"x" * 64))):
        case("stored", file, bytes=data, psk=KEY)
    for file, data in (("magic", record(magic=b"VPP2")), ("role-0", record(role=0)), ("role-4", record(role=4)), ("too-late", record(seconds=253402300800)),
                       ("before-1970", record(seconds=-1)), ("no-name", record(peer=b"")), ("name-too-long", record(peer=b"x" * 65)),
                       ("name-with-escape", record(peer=b"a\x1bb")), ("name-ends-with-a-blank", record(peer=b"a ")), ("name-not-ascii", record(peer=b"\xc3\xa4")),
                       ("name-longer-than-said", record(length=10)), ("name-shorter-than-said", record(length=12)), ("trailing", record() + b"\0"), ("empty", b"")):
        case("stored", file, "refuse", bytes=data)


channel()
codes()
digits()
agreements()
stored()
