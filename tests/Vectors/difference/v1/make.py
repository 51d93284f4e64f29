#!/usr/bin/env python3
"""Writes the cases of this folder, from sync/SPEC.md, S-120 to S-128, alone. Shares no code with VmPod.

A set is words: h:A:B is SHA-256(n) for n from A to B - 1 as u32; g:PREFIX:A:B the same with its first bytes replaced by PREFIX. A case of layer
`talk` has questions q0, q1, ... and answers a0, a1, ...: the asker (`here`) asks exactly these and the answerer (`there`) answers exactly these, when all
questions that can be asked are asked before answers are taken. `asker` ends at an answer that must be refused, `answerer` at a question."""
import hashlib
import os
import struct

LIST, DEEPEST, DEEP, BATCH = 32, 16, 256, 60
ZERO = bytes(16)
SALT = bytes(range(16))


def ids_of(words):
    found = set()
    for word in words.split():
        kind, *rest = word.split(":")
        prefix = bytes.fromhex(rest[0]) if kind == "g" else b""
        first, last = (int(n) for n in rest[-2:])
        for n in range(first, last):
            found.add(prefix + hashlib.sha256(struct.pack(">I", n)).digest()[len(prefix):])
    return sorted(found)


def within(ids, name):
    return [i for i in ids if i.hex().startswith(name)]


def is_list(name, ids):
    return len(ids) <= LIST or len(name) == DEEPEST


def node(ids, name):
    """The hash of a node of which these are the ids; the name is its nibbles in hexadecimal."""
    if not ids:
        return ZERO
    head = SALT + bytes([len(name)])
    if is_list(name, ids):
        return hashlib.sha256(b"\x04" + head + b"".join(ids)).digest()[:16]
    return hashlib.sha256(b"\x05" + head + b"".join(children(ids, name))).digest()[:16]


def children(ids, name):
    return [node(within(ids, name + c), name + c) for c in "0123456789abcdef"]


def describe(ids, name):
    mine = within(ids, name)
    if is_list(name, mine):
        return b"\x02" + struct.pack(">H", len(mine)) + b"".join(mine)
    return b"\x01" + b"".join(children(mine, name))


def answer(ids, names):
    if names is None:
        return struct.pack(">Q", len(ids)) + (describe(ids, "") if ids else b"")
    return b"".join(describe(ids, n) for n in names)


def question(names):
    if names is None:
        return b"\x00" + SALT
    depth = len(names[0])
    return struct.pack(">BH", depth, len(names)) + b"".join(bytes.fromhex(n + "0" * (depth % 2)) for n in names)


def talk(here, there):
    """All questions and answers."""
    lines, waiting = [(None, answer(there, None))], []
    differ(here, there, [""] if there else [], waiting)
    while waiting:
        level, waiting, nexts = waiting, [], []
        for at in range(0, len(level), BATCH):
            names = level[at:at + BATCH]
            lines.append((names, answer(there, names)))
            nexts.append(names)
        for names in nexts:
            differ(here, there, names, waiting)
    return lines


def differ(here, there, names, waiting):
    for name in names:
        theirs = within(there, name)
        if is_list(name, theirs):
            continue
        for c in "0123456789abcdef":
            hash_there = node(within(theirs, name + c), name + c)
            if hash_there not in (ZERO, node(within(here, name + c), name + c)):
                waiting.append(name + c)


def write(case, fields):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), case + ".txt"), "w", encoding="ascii") as file:
        for key, value in fields.items():
            file.write(f"{key}: {value.hex() if isinstance(value, bytes) else value}\n")


def whole(case, here, there):
    h, t = ids_of(here), ids_of(there)
    fields = {"layer": "talk", "expect": "ok", "here": here, "there": there, "salt": SALT,
              "only-here": len(set(h) - set(t)), "only-there": len(set(t) - set(h))}
    lines = talk(h, t)
    fields["rounds"] = len(lines)
    for i, (names, told) in enumerate(lines):
        fields[f"q{i}"], fields[f"a{i}"] = question(names), told
    write(case, fields)


def refused(case, layer, here, there, blobs, code=5):
    fields = {"layer": layer, "expect": "refuse", "exit": code, "here": here, "there": there, "salt": SALT, "rounds": len(blobs)}
    letter = "a" if layer == "asker" else "q"
    for i, blob in enumerate(blobs):
        fields[f"{letter}{i}"] = blob
    write(case, fields)


whole("both-empty", "", "")
whole("nothing-here", "", "h:0:40")
whole("nothing-there", "h:0:40", "")
whole("alike", "h:0:500", "h:0:500")
whole("a-list", "h:0:20", "h:5:30")
whole("lists-of-32-and-33", "h:0:32", "h:0:33")
whole("one-missing-each-way", "h:0:999", "h:1:1000")
whole("ground-ids", "h:0:100 g:aabbccdd:0:60", "h:0:100 g:aabbccdd:1:64")
whole("one-nibble-shared", "g:7a:0:300", "g:7a:1:300")
whole("deepest-list", "g:0102030405060708:0:40", "g:0102030405060708:1:50")

SMALL, BIG = "h:0:20", "h:0:400"
small, big = ids_of(SMALL), ids_of(BIG)
first = question(None)
refused("question-without-salt", "answerer", "", BIG, [question(["0"])])
refused("question-short-salt", "answerer", "", BIG, [first[:-1]])
refused("question-long-salt", "answerer", "", BIG, [first + b"\x00"])
refused("question-second-salt", "answerer", "", BIG, [first, first])
refused("question-of-no-node", "answerer", "", BIG, [first, struct.pack(">BH", 1, 0)])
refused("question-of-61-nodes", "answerer", "", BIG, [first, question([f"{n:02x}" for n in range(61)])])
refused("question-too-deep", "answerer", "", BIG, [first, question(["0" * 17])])
refused("question-cut", "answerer", "", BIG, [first, question(["00", "01"])[:-1]])
refused("question-longer", "answerer", "", BIG, [first, question(["00", "01"]) + b"\x00"])
refused("question-spare-nibble", "answerer", "", BIG, [first, struct.pack(">BH", 1, 1) + b"\x01"])
refused("question-twice-the-same", "answerer", "", BIG, [first, question(["1", "1"])])
refused("question-descending", "answerer", "", BIG, [first, question(["2", "1"])])
refused("question-of-an-empty-node", "answerer", "", SMALL, [first, question(["fffffffff"])])
refused("question-of-a-long-deep-list", "answerer", "", "g:0102030405060708:0:300", [first, question(["0102030405060708"])])

root = answer(big, None)
told = {n: describe(big, n) for n in "0123456789abcdef"}
names = [n for n, _ in sorted(told.items())]
second = b"".join(told[n] for n in names)
refused("answer-empty", "asker", "", BIG, [b""])
refused("answer-count-alone", "asker", "", BIG, [root[:8]])
refused("answer-cut", "asker", "", BIG, [root[:-1]])
refused("answer-longer", "asker", "", BIG, [root + b"\x00"])
refused("answer-unknown-kind", "asker", "", BIG, [root[:8] + b"\x03" + root[9:]])
refused("answer-kind-zero", "asker", "", BIG, [root[:8] + b"\x00" + root[9:]])
refused("answer-too-many-ids", "asker", "", BIG, [struct.pack(">Q", 1024000001) + root[8:]], 8)
refused("answer-negative-count", "asker", "", BIG, [struct.pack(">Q", 1 << 63) + root[8:]])
refused("answer-inner-but-few", "asker", "", BIG, [struct.pack(">Q", 32) + root[8:]])
refused("answer-more-than-it-said", "asker", "", SMALL, [struct.pack(">Q", 19) + answer(small, None)[8:]])
refused("answer-nothing-but-described", "asker", "", SMALL, [struct.pack(">Q", 0) + answer(small, None)[8:]])
refused("answer-list-of-none", "asker", "", SMALL, [struct.pack(">Q", 20) + b"\x02\x00\x00"])
refused("answer-list-of-33", "asker", "", "h:0:33", [struct.pack(">Q", 33) + b"\x02\x00\x21" + b"".join(ids_of("h:0:33"))])
refused("answer-list-descends", "asker", "", SMALL, [struct.pack(">Q", 20) + b"\x02\x00\x14" + b"".join(reversed(small))])
refused("answer-list-twice", "asker", "", SMALL, [struct.pack(">Q", 20) + b"\x02\x00\x02" + small[0] * 2])
refused("answer-not-what-was-announced", "asker", "", BIG, [root, second[:-1] + bytes([second[-1] ^ 1])])
refused("answer-of-another-node", "asker", "", BIG, [root, told[names[1]] + second[len(told[names[0]]):]])
refused("answer-without-question", "asker", BIG, BIG, [root, second])
