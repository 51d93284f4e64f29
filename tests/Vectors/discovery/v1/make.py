#!/usr/bin/env python3
"""Packets of multicast DNS, written from RFC 1035 (4) and RFC 6762 (18) alone: `ok` ones are read, `refused` ones are dropped. Prints packets.txt."""
import struct


def name(*labels):
    return b"".join(bytes([len(l)]) + l for l in (x.encode() for x in labels)) + b"\0"


def header(response=False, questions=0, answers=0, authorities=0, additionals=0, ident=0, extra=0):
    return struct.pack(">6H", ident, (0x8400 if response else 0) | extra, questions, answers, authorities, additionals)


def record(owner, kind, data, ttl=120, flush=True, length=None):
    return owner + struct.pack(">HHIH", kind, 0x8001 if flush else 1, ttl, len(data) if length is None else length) + data


def pointer(at):
    return struct.pack(">H", 0xC000 | at)


service = name("_vmpod", "_tcp", "local")
instance = name("0123456789abcdef", "_vmpod", "_tcp", "local")
host = name("fedcba9876543210", "local")
srv = struct.pack(">HHH", 0, 0, 7413) + host
text = b"\x03v=1" + bytes([66]) + b"t=" + bytes(range(64))
A, PTR, TXT, AAAA, SRV, OPT, ANY = 1, 12, 16, 28, 33, 41, 255
ask = struct.pack(">HH", PTR, 1)
all_records = (record(service, PTR, instance, flush=False) + record(instance, SRV, srv) + record(instance, TXT, text)
               + record(host, A, bytes([10, 77, 0, 1])) + record(host, AAAA, bytes([0xFE, 0x80] + [0] * 13 + [1])))
compressed = (header(True, 0, 2, 0, 1) + record(service, PTR, b"\x10" + b"0123456789abcdef" + pointer(12), flush=False)
              + record(pointer(12 + len(service) + 10), TXT, text) + record(b"\x04host" + pointer(12 + 12), A, bytes([10, 0, 0, 1])))
loop = header(True, 0, 1) + pointer(12) + struct.pack(">HHIH", A, 1, 120, 4) + bytes(4)
two = header(True, 0, 1) + b"\x01a" + pointer(16) + pointer(12) + bytes(20)


def chain(pointers):
    """The second record's owner goes through so many pointers, each to the one before: no loop."""
    data, last = b"\0", 23
    for _ in range(pointers - 1):
        data, last = data + pointer(last), 23 + len(data)
    return header(True, 0, 2) + record(b"\0", 99, data) + record(pointer(last), A, bytes(4))


def long_name(last):
    return header(False, 1) + (b"\x3f" + b"a" * 63) * 3 + bytes([last]) + b"b" * last + b"\0" + ask


ok = {
    "query": header(False, 1) + service + ask,
    "query-with-known-answer": header(False, 1, 1) + service + ask + record(service, PTR, instance, 80, False),
    "query-truncated": header(False, 1, extra=0x0200) + service + ask,
    "query-plain-dns": header(False, 1, ident=0x1234, extra=0x0100) + service + ask,
    "probe": header(False, 1, 0, 1) + instance + struct.pack(">HH", ANY, 0x8001) + record(instance, SRV, srv, flush=False),
    "announcement": header(True, 0, 5) + all_records,
    "announcement-compressed": compressed,
    "goodbye": header(True, 0, 1) + record(service, PTR, instance, 0, False),
    "unknown-type-is-skipped": header(True, 0, 2) + record(host, 13, b"\x01x\x01y") + record(host, A, bytes(4)),
    "extended-dns-is-skipped": header(False, 1, 0, 0, 1) + service + ask + b"\0" + struct.pack(">HHIH", OPT, 1440, 0, 0),
    "other-class-is-skipped": header(True, 0, 1) + host + struct.pack(">HHIH", A, 3, 120, 2) + b"zz",
    "empty": header(),
    "name-of-255": long_name(61),
    "pointers-16": chain(16),
}
refused = {
    "short-header": header()[:11],
    "other-operation": header(extra=0x2800),
    "error-code": header(True, extra=3),
    "question-missing": header(False, 1),
    "question-cut": header(False, 1) + service + ask[:3],
    "name-without-end": header(False, 1) + b"\x05abcde",
    "label-too-long": header(False, 1) + bytes([64]) + b"a" * 64 + b"\0" + ask,
    "reserved-label-bits": header(False, 1) + bytes([0x80]) + b"a" + b"\0" + ask,
    "name-of-256": long_name(62),
    "pointer-to-itself": loop,
    "pointer-forward": two,
    "pointer-into-the-header": header(False, 1) + pointer(4) + ask,
    "pointer-cut": header(False, 1) + b"\xc0",
    "pointers-17": chain(17),
    "data-longer-than-packet": header(True, 0, 1) + record(host, A, bytes(4), length=400),
    "address-of-3": header(True, 0, 1) + record(host, A, bytes(3)),
    "address-of-15": header(True, 0, 1) + record(host, AAAA, bytes(15)),
    "text-runs-over": header(True, 0, 1) + record(instance, TXT, b"\x09v=1"),
    "text-empty": header(True, 0, 1) + record(instance, TXT, b""),
    "pointer-record-with-rest": header(True, 0, 1) + record(service, PTR, instance + b"x"),
    "service-without-host": header(True, 0, 1) + record(instance, SRV, bytes(6)),
    "questions-without-measure": header(False, 65) + (b"\0" + ask) * 65,
    "records-without-measure": header(True, 0, 200, 0, 57) + record(b"\0", A, bytes(4)) * 257,
    "counts-lie": header(True, 0, 60) + record(host, A, bytes(4)),
}
print("# verdict name packet. Written by make.py, which shares no code with the reader.")
for verdict, packets in (("ok", ok), ("refused", refused)):
    for label, packet in packets.items():
        print(verdict, label, packet.hex())
