#!/usr/bin/env python3
"""Frames of the mirror protocol, written from sync/SPEC.md (S-160 to S-166) alone: `ok` ones are read as what they say, `refused` ones end the link.
Prints frames.txt: verdict, what reads it, the frame in hexadecimal."""
import struct


def frame(kind, body=b"", length=None):
    return struct.pack(">IB", 1 + len(body) if length is None else length, kind) + body


def hello(magic=b"VPMR", low=1, high=1, role=1):
    return frame(1, magic + struct.pack(">HHB", low, high, role))


json = (b'{\n  "format": 1,\n  "vaultId": "000102030405060708090a0b0c0d0e0f",\n  "cellBytes": 65536,\n  "suite": 2,\n'
        b'  "created": 1800000000000,\n  "logPublicKey": "' + b"ab" * 32 + b'"\n}\n')


def state(descriptor=json, log=0, audit=0, head=b"", head_length=None):
    return frame(3, struct.pack(">H", len(descriptor)) + descriptor + struct.pack(">QQI", log, audit, len(head) if head_length is None else head_length) + head)


def head(log_bytes=0, seq=1):
    return (b"VPH1" + bytes(range(16)) + struct.pack(">QQQQQH", seq, 0, 1800000000000, 0, log_bytes, 0) + bytes(64))


def error(code=4, message="It is full.", hint=""):
    m, h = message.encode(), hint.encode()
    return frame(27, bytes([code]) + struct.pack(">H", len(m)) + m + struct.pack(">H", len(h)) + h)


def ids(*firsts):
    return frame(5, b"".join(bytes([f]) + bytes(31) for f in firsts))


vectors = [
    ("ok", "hello", hello()), ("ok", "hello", hello(high=7)),
    ("refused", "hello", hello(magic=b"VPMX")), ("refused", "hello", hello(low=2, high=3)), ("refused", "hello", hello(low=2, high=1)),
    ("refused", "hello", hello(role=2)), ("refused", "hello", frame(1, b"VPMR\0\1\0\1\1\0")), ("refused", "hello", frame(1, b"VPMR\0\1\0\1")),
    ("ok", "state", state()), ("ok", "state", state(b"")), ("ok", "state", state(audit=5)), ("ok", "state", state(log=5 + 126, head=head())),
    ("refused", "state", state(log=1)), ("refused", "state", state(head=head())), ("refused", "state", state(log=5 + 127, head=head())),
    ("refused", "state", state(log=131, head=head(), head_length=127)), ("refused", "state", state(log=131, head=head(), head_length=2**31)),
    ("refused", "state", state(json[:-1])), ("refused", "state", state(audit=2**63)), ("refused", "state", state(b"", 131, 0, head())),
    ("ok", "ids", ids()), ("ok", "ids", ids(1, 2, 9)), ("refused", "ids", ids(2, 1)), ("refused", "ids", ids(1, 1)), ("refused", "ids", frame(5, bytes(33))),
    ("ok", "piece", frame(13, struct.pack(">QI", 7, 262144))), ("refused", "piece", frame(13, struct.pack(">QI", 7, 262145))),
    ("refused", "piece", frame(13, struct.pack(">QI", 7, 0))), ("refused", "piece", frame(13, struct.pack(">QI", 2**63, 1))),
    ("refused", "piece", frame(13, struct.pack(">QIB", 7, 1, 0))),
    ("ok", "number", frame(12, struct.pack(">Q", 2**63 - 1))), ("refused", "number", frame(12, struct.pack(">Q", 2**63))),
    ("refused", "number", frame(12, bytes(7))),
    ("ok", "verdict", frame(23, b"\4")), ("refused", "verdict", frame(23, b"\5")), ("refused", "verdict", frame(23)),
    ("ok", "error", error()), ("ok", "error", error(9, "a", "b")), ("refused", "error", error(0)), ("refused", "error", error(1)),
    ("refused", "error", error(10)), ("refused", "error", frame(27, b"\4\0\5a")),
]
for verdict, what, data in vectors:
    print(verdict, what, data.hex())
