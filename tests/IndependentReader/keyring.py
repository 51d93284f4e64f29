"""From the passphrase to the keys of a session's leases, and to the commits that may be believed (V-03 to V-05, V-09, V-10, V-30 to V-34, V-97)."""
from __future__ import annotations

import hmac
import os
from dataclasses import dataclass, field

from cursor import Cursor
from errors import NOT_FOUND, REFUSED, VaultError, damaged, require
from primitives import SUITES, Suite, argon2id, hkdf, is_signed, public_of, sha256, unwrap
from store import NONE, Entry, Row, Store, entry_hash, live_root, read_file

VAULT, SESSION, EPOCH, LEASE, COMMIT, FORK, VERDICT, FORGET, PENDING = 2, 3, 4, 5, 6, 7, 8, 9, 128
DRAFT = 3
REFUSED_VERDICT = 3                                  # 2 sound, 3 refused, 4 accepted by the owner (V-30)
SLOT_BYTES, LINK_BYTES = 125, 69


@dataclass(frozen=True)
class LeaseKeys:
    lease: int
    term: int
    public: bytes
    mac: bytes
    kdf: bytes
    tag: bytes
    hash: bytes


@dataclass(frozen=True)
class Commit:
    """V-32, with the ids of V-33 and where it stands."""
    entry: Entry
    handle: bytes
    lease: int
    term: int
    number: int
    kind: int
    generation: int
    parent_hash: bytes
    parent_offset: int
    manifest_cells: tuple[bytes, ...]
    first_slot: int
    manifest_bytes: int
    live_count: int
    live_root: bytes
    signed: bytes
    signature: bytes
    added: tuple[bytes, ...]
    dropped: tuple[bytes, ...]

    @property
    def is_fork(self) -> bool:
        return self.entry.kind % PENDING == FORK

    @staticmethod
    def parse(entry: Entry, vault: bytes) -> "Commit":
        c = Cursor(entry.payload)
        c.expect(b"VPC1" + vault)
        handle, lease, term, number, kind, generation, _ = c.take(16), c.be(8), c.be(8), c.be(8), c.be(1), c.be(8), c.be(8)
        parent_hash, parent_offset, _, _ = c.take(32), c.be(8), c.be(8), c.be(8)
        count = c.be(2)
        require(kind in (1, 2, 3) and 1 <= count <= 1024, "a commit has a kind or a count that is not one")
        cells = tuple(c.take(32) for _ in range(count))
        first_slot, manifest_bytes = c.be(4), c.be(4)
        require(1 <= manifest_bytes <= 1 << 24, "a manifest is empty or too long")
        added, added_hash, dropped, dropped_hash = c.be(4), c.take(32), c.be(4), c.take(32)
        require(max(added, dropped) <= 1 << 22, "a commit has too many ids")
        live_count, root = c.be(8), c.take(32)
        signed, signature = entry.payload[:c.at], c.take(64)
        lists = []
        for size, digest in ((added, added_hash), (dropped, dropped_hash)):
            ids = tuple(c.take(32) for _ in range(size))
            require(all(a < b for a, b in zip(ids, ids[1:])) and sha256(*ids) == digest, "a commit's lists are not what it signs")
            lists.append(ids)
        c.end("a commit")
        return Commit(entry, handle, lease, term, number, kind, generation, parent_hash, parent_offset, cells, first_slot, manifest_bytes, live_count, root,
                      signed, signature, lists[0], lists[1])


@dataclass
class Session:
    """A session's keys by lease, and its row in the head."""
    name: str
    handle: bytes
    row: Row
    leases: dict[int, LeaseKeys] = field(default_factory=dict)


class Keyring:
    """An unlocked vault."""

    def __init__(self, store: Store, passphrase: bytes) -> None:
        self.store, self.vault = store, store.descriptor.vault
        self.suite: Suite = SUITES[store.descriptor.suite]
        require(public_of(self.device_secret("log")) == store.descriptor.log_key, "the log key is not the descriptor's")
        self.k_vault = self.open_vault_key(self.open_root(passphrase))
        self.owner = self.open_owner()

    def derive(self, key: bytes, salt: bytes, label: bytes, context: bytes = b"", length: int = 32) -> bytes:
        """V-03."""
        return hkdf(key, salt, b"vmpod/v1/" + label + b"\0" + self.vault + context, length)

    def unwrap(self, parent: bytes, label: bytes, sealed: bytes, context: bytes = b"") -> bytes | None:
        """V-04."""
        return unwrap(self.derive(parent, sealed[:16], label, context), sealed[16:])

    def file(self, *parts: str, most: int) -> bytes:
        try:
            return read_file(os.path.join(self.store.v1, *parts), most)
        except OSError as e:
            raise damaged(f"{e.filename}: {e.strerror}") from None

    def device_secret(self, name: str) -> bytes:
        secret = self.file("nv", name, most=32)
        require(len(secret) == 32, f"the device secret {name} is short")
        return secret

    def open_root(self, passphrase: bytes) -> bytes:
        """V-09, V-10."""
        slot = self.file("slots", "passphrase", most=SLOT_BYTES)
        require(len(slot) == SLOT_BYTES, "the passphrase's slot is short")
        c = Cursor(slot)
        c.expect(b"VPS1\1")
        memory, passes, salt, commitment, wrapped = c.be(4), c.be(4), c.take(16), c.take(32), c.take(64)
        require(8_192 <= memory <= 4_194_304 and 1 <= passes <= 16, "the passphrase's slot asks for a cost that is not allowed")
        stretched, device = argon2id(passphrase, salt, memory, passes), self.device_secret("device")
        if not hmac.compare_digest(self.derive(stretched, device, b"kek-commitment", salt), commitment):
            raise VaultError(REFUSED, "the passphrase is wrong")
        root = self.unwrap(self.derive(stretched, device, b"kek", salt), b"root", wrapped)
        if root is None:
            raise damaged("the passphrase's slot is damaged")
        return root

    def open_vault_key(self, root: bytes) -> bytes:
        """V-03; V-113 after a recovery."""
        shred = self.device_secret("shred")
        if not os.path.lexists(os.path.join(self.store.v1, "slots", "vault-key")):
            return self.derive(root, shred, b"vault")
        link = self.file("slots", "vault-key", most=LINK_BYTES)
        require(len(link) == LINK_BYTES and link[:5] == b"VPS1\3", "the link to the vault's key is damaged")
        key = self.unwrap(self.derive(root, shred, b"vault-link"), b"vault-key", link[5:])
        if key is None:
            raise damaged("the link to the vault's key does not open")
        return key

    def open_owner(self) -> bytes:
        """V-30: the owner whose seed this vault's key opens, and who signed the descriptor."""
        entry = self.store.entries.get(0)
        require(entry is not None and entry.kind == VAULT and len(entry.payload) == 160, "the log does not begin with the vault's entry")
        public, sealed, signature = entry.payload[:32], entry.payload[32:96], entry.payload[96:]
        seed = self.unwrap(self.k_vault, b"owner", sealed)
        require(seed is not None and public_of(seed) == public, "the owner is not the one whose key this vault has")
        require(is_signed(public, signature, b"vmpod/v1/vault\0" + self.store.descriptor.raw), "the owner did not sign vault.json")
        return public

    # Sessions

    def sessions(self) -> list[Session]:
        found = []
        for row in self.store.head.rows:
            for entry in self.store.of_kind(SESSION):
                if len(entry.payload) == 249 and entry.payload[:16] == row.handle:
                    padded = self.unwrap(self.k_vault, b"session-name", entry.payload[88:], row.handle)
                    if padded is not None:
                        require(padded[0] <= 128 and not any(padded[1 + padded[0]:]), "a session's name is not canonical")
                        found.append(Session(padded[1:1 + padded[0]].decode("utf-8"), row.handle, row))
        return found

    def open_session(self, name: str) -> Session:
        for session in self.sessions():
            if session.name == name:
                for entry in self.store.of_kind(LEASE):
                    keys = self.open_lease(session, entry)
                    if keys:
                        require(keys.lease not in session.leases, "two leases have one id")
                        session.leases[keys.lease] = keys
                return session
        raise VaultError(NOT_FOUND, f"there is no session {name}")

    def open_lease(self, session: Session, entry: Entry) -> LeaseKeys | None:
        """V-31, V-05. None if it is another session's, or one that the owner did not sign or that does not open: its cells and commits then do not either."""
        if len(entry.payload) != 264 or entry.payload[:16] != session.handle:
            return None
        body, signature = entry.payload[:200], entry.payload[200:]
        if not is_signed(self.owner, signature, b"vmpod/v1/lease\0" + self.vault + body):
            return None
        c = Cursor(body, 16)
        lease, term, _, session_at, epoch_at = c.be(8), c.be(8), c.be(8), c.be(8), c.be(8)
        _, _, public, wrapped = c.take(32), c.take(16), c.take(32), c.take(64)
        made, epoch = self.store.entries.get(session_at), self.store.entries.get(epoch_at)
        if made is None or epoch is None or (made.kind, epoch.kind) != (SESSION, EPOCH) or (len(made.payload), len(epoch.payload)) != (249, 84):
            return None
        k_session = self.unwrap(self.k_vault, b"session", made.payload[24:88], session.handle)
        number = epoch.payload[16:20]
        k_epoch = k_session and self.unwrap(k_session, b"epoch", epoch.payload[20:], session.handle + number)
        k_lease = k_epoch and self.unwrap(k_epoch, b"lease", wrapped, session.handle + term.to_bytes(8, "big"))
        if not k_lease:
            return None
        mac, kdf, tag, tag_hash = (self.derive(k_lease, b"", label, self.suite.context) for label in (b"mac", b"kdf", b"tag", b"tag-hash"))
        derived = self.derive(k_lease, b"", b"id", self.suite.context, length=8)
        require(int.from_bytes(derived, "big") == lease, "a lease's key is not that of its id")
        return LeaseKeys(lease, term, public, mac, kdf, tag, tag_hash)

    # Commits

    def commits(self, session: Session) -> list[Commit]:
        """Those of the session that V-34 lets a reader believe, in the order of the log."""
        found, forgotten = [], self.forgotten()
        for entry in self.store.of_kind(COMMIT, FORK, COMMIT + PENDING, FORK + PENDING):
            try:
                commit = Commit.parse(entry, self.vault)
            except VaultError:
                continue                             # V-74: a damaged commit costs its generation and no other
            keys = session.leases.get(commit.lease)
            if (entry.offset, entry.hash) in forgotten:
                continue
            if commit.handle == session.handle and keys and keys.term == commit.term and is_signed(keys.public, commit.signature, commit.signed):
                found.append(commit)
        return found

    def forgotten(self) -> set[tuple[int, bytes]]:
        """V-160: what the owner let go is neither listed nor opened."""
        return {(int.from_bytes(e.payload[16:24], "big"), e.payload[24:56]) for e in self.store.of_kind(FORGET)
                if len(e.payload) == 128 and is_signed(self.owner, e.payload[64:], b"vmpod/v1/forget\0" + self.vault + e.payload[:64])}

    def choose(self, session: Session, which: str | None) -> Commit:
        """The generation asked for by its number, a fork by its name, or the head's newest generation."""
        commits, row = self.commits(session), session.row
        if which is None:
            if row.generation_offset == NONE:
                raise VaultError(NOT_FOUND, f"{session.name} has no generation")
            chosen = [c for c in commits if (c.entry.offset, c.entry.hash) == (row.generation_offset, row.generation_hash)]
            require(bool(chosen), "the newest generation's commit is damaged")
        elif which.startswith("fork-"):
            chosen = [c for c in commits if c.is_fork and which == f"fork-{c.lease:016x}"]
        else:
            chosen = [c for c in commits if not c.is_fork and c.kind != DRAFT and str(c.generation) == which]
            newest = max((c.generation for c in commits if not c.is_fork), default=0)
            # Numbers have no gap but for what was forgotten (V-36): that is absent, else it is damaged.
            require(bool(chosen) or not which.isdecimal() or not 1 <= int(which) <= newest or bool(self.forgotten()), f"generation {which} is damaged")
        if not chosen:
            raise VaultError(NOT_FOUND, f"there is no {session.name}@{which}")
        self.check_verdicts(chosen[-1])
        return chosen[-1]

    def check_verdicts(self, commit: Commit) -> None:
        """V-97, V-99: what was looked into and found wrong is not opened."""
        if commit.entry.kind < PENDING:
            return
        for entry in self.store.of_kind(VERDICT):
            p = entry.payload
            about = p[16:24] == commit.entry.offset.to_bytes(8, "big") and p[24:56] == commit.entry.hash
            if len(p) == 129 and about and p[56] == REFUSED_VERDICT and is_signed(self.owner, p[65:], b"vmpod/v1/verdict\0" + self.vault + p[:65]):
                raise damaged("the commit was looked into, and refused")

    def lineage(self, commit: Commit) -> set[bytes] | None:
        """The live set by the signed lists (V-35, V-82): all that the commit and its forebears added, without what they dropped. Each one's count and root
        are compared on the way. None if a forebear is damaged: it costs itself and no other (V-74)."""
        line = [commit]
        while line[-1].parent_offset != NONE:
            entry = self.store.entries.get(line[-1].parent_offset)
            if entry is None or entry_hash(entry.kind, entry.payload) != line[-1].parent_hash:
                return None
            line.append(Commit.parse(entry, self.vault))
        require(line[-1].parent_hash == bytes(32), "a first commit has a parent")
        live: set[bytes] = set()
        for one in reversed(line):
            require(live.isdisjoint(one.added) and live.issuperset(one.dropped), "a commit's lists do not fit its parent")
            live = (live | set(one.added)) - set(one.dropped)
            require(len(live) == one.live_count, "a commit's live set has another count")
            require(live_root(live) == one.live_root, "a commit's live set has another root")
        return live
