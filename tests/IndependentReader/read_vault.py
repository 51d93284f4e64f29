#!/usr/bin/python3
"""Reads a generation from a vault's folder, written from vault/SPEC.md alone.

    read_vault.py DIR --pin-file FILE SESSION[@GENERATION | @fork-LEASE] OUT [--json]
    read_vault.py DIR --pin-file FILE --list [--json]

Exit codes are the project's: 0 done, 2 usage, 3 not found, 4 refused (wrong passphrase, newer format), 5 damaged, 6 busy, 9 something missing here.
"""
from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from typing import Any

sys.dont_write_bytecode = True                       # the repository's folder stays as it is

from errors import MISSING, USAGE, VaultError, require

try:
    from cells import CellReader
    from container import Layout
    from generation import Generation
    from keyring import DRAFT, Commit, Keyring, Session
    from store import Store
    from tables import CHUNK, PAGE, Stream
except ModuleNotFoundError as missing:
    print(f"read_vault: python's module {missing.name} is missing: apt-get install python3-cryptography libsodium23", file=sys.stderr)
    sys.exit(MISSING)


def passphrase_of(path: str) -> bytes:
    """An editor ends a file with a line end, which is not of the passphrase."""
    try:
        with open(path, "rb") as file:
            return file.read(4096).removesuffix(b"\n")
    except OSError as e:
        raise VaultError(USAGE, f"{path}: {e.strerror}") from None


def describe(commit: Commit) -> dict[str, Any]:
    return {"generation": commit.generation, "commit": commit.number, "fork": commit.is_fork, "draft": commit.kind == DRAFT, "offset": commit.entry.offset,
            "cells_live": commit.live_count, "cells_added": len(commit.added)}


def write_pages(file: int, at: int, data: bytes) -> None:
    """Only what is not zeros: where there is nothing, a hole stays."""
    done = 0
    while done < len(data):
        page = data[done:done + PAGE - (at + done) % PAGE]
        if page != bytes(len(page)):
            os.pwrite(file, page, at + done)
        done += len(page)


def write_chunks(file: int, generation: Generation, stream: Stream) -> None:
    os.ftruncate(file, stream.length)
    for chunk, data in generation.read(stream):
        write_pages(file, chunk * CHUNK, data)


class Writer:
    """Puts streams into a new folder."""

    def __init__(self, folder: str) -> None:
        try:
            os.mkdir(folder, 0o700)
        except OSError as e:
            raise VaultError(USAGE, f"{folder}: {e.strerror}") from None
        self.folder = folder

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def write(self, generation: Generation, stream: Stream, disk: Stream | None = None) -> None:
        """A container is made of its layout and its disk (V-130)."""
        if stream.kind == "folder":
            os.makedirs(self.path(stream.name), 0o700, exist_ok=True)
            return
        os.makedirs(os.path.dirname(self.path(stream.name)), 0o700, exist_ok=True)
        file = os.open(self.path(stream.name), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            if stream.kind == "container":
                self.write_container(file, generation, stream, disk)
            else:
                write_chunks(file, generation, stream)
        finally:
            os.close(file)

    def write_container(self, file: int, generation: Generation, stream: Stream, disk: Stream | None) -> None:
        require(disk is not None and disk.kind == "disk", f"{stream.name} has no disk")
        with tempfile.TemporaryFile(dir=self.folder) as own, tempfile.TemporaryFile(dir=self.folder) as of_disk:
            write_chunks(own.fileno(), generation, stream)
            write_chunks(of_disk.fileno(), generation, disk)
            layout = Layout(stream.length, disk.length, lambda at, n: os.pread(own.fileno(), n, at), lambda at, n: os.pread(of_disk.fileno(), n, at))
            os.ftruncate(file, layout.file_bytes)
            for at, data in layout.pieces():
                write_pages(file, at, data)

    def finish(self, streams: list[Stream]) -> None:
        """Modes and times: the innermost first, for a folder changes with what is made in it."""
        for stream in sorted(streams, key=lambda s: -s.name.count("/")):
            os.chmod(self.path(stream.name), stream.mode & 0o7777)
            os.utime(self.path(stream.name), ns=(stream.modified_ns, stream.modified_ns))


def read(store: Store, keyring: Keyring, session: Session, which: str | None, out: str) -> dict[str, Any]:
    commit = keyring.choose(session, which)
    reader = CellReader(store, keyring, session)
    generation = Generation(reader, keyring, commit)
    lists = keyring.lineage(commit)
    generation.check_live_set(lists)
    writer = Writer(out)
    streams = {stream.name: stream for stream in generation.manifest.streams}
    disks = {name + "/disk" for name, stream in streams.items() if stream.kind == "container"}
    files = [stream for name, stream in sorted(streams.items()) if not (name in disks and stream.kind == "disk")]
    for stream in files:
        writer.write(generation, stream, streams.get(stream.name + "/disk"))
    writer.finish(files)
    return describe(commit) | {
        "label": generation.manifest.label, "streams": [{"name": s.name, "kind": s.kind, "length": s.length} for s in streams.values()],
        "chunks": dict(generation.chunks.chunks), "pages": dict(generation.chunks.pages),
        "target_pages": dict(generation.chunks.target_pages),
        "structure": dict(generation.structure), "tags_checked": generation.tags_checked, "cells_opened": len(reader.opened),
        "lineage": "whole" if lists is not None else "broken"}


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    passphrase = passphrase_of(arguments.pin_file)
    store = Store(arguments.dir)
    keyring = Keyring(store, passphrase)
    said: dict[str, Any] = {"vault": store.descriptor.vault.hex(), "suite": store.descriptor.suite, "cell_bytes": store.descriptor.cell_bytes,
                            "cells": store.cell_count, "entries": store.head.entries + 1, "log": "sound" if store.log_is_sound else "damaged"}
    if arguments.list:
        return said | {"sessions": [{"name": s.name, "generations": [describe(c) for c in keyring.commits(keyring.open_session(s.name))]}
                                    for s in keyring.sessions()]}
    name, _, which = arguments.session.partition("@")
    session = keyring.open_session(name)
    generations = sorted({c.generation for c in keyring.commits(session) if not c.is_fork and c.kind != DRAFT})
    return said | {"session": name, "generations": generations} | read(store, keyring, session, which or None, arguments.out)


def main() -> int:
    parser = argparse.ArgumentParser(description="Reads a vault from vault/SPEC.md alone.")
    parser.add_argument("dir", metavar="DIR")
    parser.add_argument("session", metavar="SESSION[@GENERATION]", nargs="?")
    parser.add_argument("out", metavar="OUT", nargs="?")
    parser.add_argument("--pin-file", required=True, help="a file with the passphrase, and at most a line end behind it")
    parser.add_argument("--list", action="store_true", help="list sessions and generations; reads no cell's content")
    parser.add_argument("--json", action="store_true", help="print what was found")
    arguments = parser.parse_intermixed_args()
    if arguments.list == (arguments.out is not None):
        parser.print_usage(sys.stderr)
        return USAGE
    try:
        said = run(arguments)
    except VaultError as e:
        print(f"read_vault: {e}", file=sys.stderr)
        return e.code
    if arguments.json:
        print(json.dumps(said))
    elif arguments.list:
        print("\n".join(f"{s['name']}@{g['generation']}" for s in said["sessions"] for g in s["generations"]))
    else:
        print(f"{len(said['streams'])} streams of {said['session']}@{said['generation']} are in {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
