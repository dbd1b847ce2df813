"""Access keys: what they may, how they are kept, and how one that comes in is judged.

    gbk_3f9a0c51_Jd9...43 letters        gbk, the key's id, its secret of 256 random bits

Kept is the id, a name, the scopes, and a slow hash of the secret (scrypt). A key that was found right once is known from then on by a fast digest,
keyed with a random number of this process and held in memory alone: the slow hash is paid once a key and process, not once a request. The id is no
secret: it stands in lists and in the log, and whether it exists may be told from how long an answer takes.
"""

import hashlib
import hmac
import json
import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from gaitbridge.errors import Unknown, UserError, nearest
from gaitbridge.names import canonical
from gaitbridge.service.database import Database

SCOPES = {
    "search": "ask who walks: recordings, search, verify, results",
    "enrol": "add templates, name who was unknown",
    "decide": "rename, merge, move and drop templates, and undo it",
    "forget": "delete people, recordings and who was unknown",
    "administer": "keys, exports, the audit log",
}
FORM = re.compile(r"gbk_([0-9a-f]{8})_([A-Za-z0-9_-]{43})")
COST = 15  # scrypt: 2 ** 15 blocks of 1 KiB, 32 MiB and some 0.1 s for each try
MOST_NAME = 64  # letters
PER_MINUTE = 1200  # requests of one key, unless told otherwise
MOST_PER_MINUTE = 1_000_000


class Conflict(UserError):
    """What is wanted does not go with the keys that there are."""


@dataclass(frozen=True)
class Key:
    """A key as it is listed. created_s, expires_s: seconds since 1970, expires_s may be None; per_minute: requests."""

    id: str
    name: str
    scopes: frozenset[str]
    created_s: float
    expires_s: float | None
    per_minute: int

    def document(self) -> dict[str, object]:
        """As JSON."""
        return {"id": self.id, "name": self.name, "scopes": sorted(self.scopes), "created_s": self.created_s, "expires_s": self.expires_s,
                "per_minute": self.per_minute}


def checked_scopes(words: Collection[str]) -> frozenset[str]:
    """The scopes; UserError for an unknown one, and where there is none."""
    for word in words:
        if word not in SCOPES:
            raise UserError(f"no scope {word!r}: {nearest(word, SCOPES)}")
    if not words:
        raise UserError(f"a key without a scope may do nothing: give one or more of {', '.join(SCOPES)}")
    return frozenset(words)


def checked_key_name(name: str) -> str:
    """The name of a key: letters that can be seen, in one line. UserError for another."""
    one = canonical(name)
    if not one or len(one) > MOST_NAME or not one.isprintable():
        raise UserError(f"a key's name is one line of 1 to {MOST_NAME} letters that can be seen, such as 'gate camera'")
    return one


def slow_hash(secret: str) -> str:
    """A salted scrypt of a secret, with what is needed to repeat it."""
    salt, cost = secrets.token_bytes(16), COST
    return f"scrypt${cost}${salt.hex()}${_scrypt(secret, salt, cost).hex()}"


def fits_hash(secret: str, kept: str) -> bool:
    """Whether a secret is the one that was hashed, compared in constant time."""
    kind, cost, salt, digest = kept.split("$")
    if kind != "scrypt":
        raise ValueError(f"a hash of the unknown kind {kind!r}")
    return hmac.compare_digest(_scrypt(secret, bytes.fromhex(salt), int(cost)), bytes.fromhex(digest))


def _scrypt(secret: str, salt: bytes, cost: int) -> bytes:
    return hashlib.scrypt(secret.encode(), salt=salt, n=2**cost, r=8, p=1, maxmem=2 ** (cost + 11), dklen=32)


class Keys:
    """The keys of a service, in its database. Several threads and processes may use them at once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._own = secrets.token_bytes(32)
        self._right: dict[str, tuple[str, bytes]] = {}  # by id: the slow hash that it was right for, and the fast digest
        self._one_at_a_time = threading.Lock()  # slow hashes take memory, and whoever sends many is not to take every core

    def add(self, name: str, scopes: Collection[str], days: float | None = None, per_minute: int = PER_MINUTE) -> str:
        """A new key, in full: it can be had here alone, and never again. Conflict where the name is taken, UserError where a setting is none."""
        name, scopes = checked_key_name(name), checked_scopes(scopes)
        if days is not None and not 0 < days <= 36_500:
            raise UserError(f"a key is good for {days:g} days: give more than 0, at most 36500")
        if not 1 <= per_minute <= MOST_PER_MINUTE:
            raise UserError(f"{per_minute} requests a minute: give 1 to {MOST_PER_MINUTE}")
        secret, now = secrets.token_urlsafe(32), time.time()
        while self._row(key_id := secrets.token_hex(4)):
            continue
        row = (key_id, name, json.dumps(sorted(scopes)), slow_hash(secret), now, None if days is None else now + days * 86_400, per_minute)
        with self._database.writing() as connection:
            if connection.execute("SELECT 1 FROM access_keys WHERE name = ?", (name,)).fetchone():
                raise Conflict(f"there is a key {name!r} already: revoke it first, or choose another name")
            connection.execute("INSERT INTO access_keys (id, name, scopes, hash, created_s, expires_s, per_minute) VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            connection.execute("INSERT OR IGNORE INTO access_keys_made VALUES (1)")
        return f"gbk_{key_id}_{secret}"

    def first(self) -> str | None:
        """At the first start, a key that may do everything; None where there are keys, or were."""
        with self._database.reading() as connection:
            if connection.execute("SELECT 1 FROM access_keys_made").fetchone():
                return None
        return self.add("first", SCOPES)

    def all(self) -> list[Key]:
        """Every key, by name."""
        with self._database.reading() as connection:
            return [_key(row) for row in connection.execute("SELECT * FROM access_keys ORDER BY name")]

    def revoke(self, name: str, keep_administrator: bool = False) -> Key:
        """End a key, from the next request on, and its sessions. Unknown where there is none; with keep_administrator, Conflict for the last that may
        administer: nobody could sign in to make another."""
        name = canonical(name)
        with self._database.writing() as connection:
            keys = {key.name: key for key in map(_key, connection.execute("SELECT * FROM access_keys"))}
            if name not in keys:
                raise Unknown(f"no key {name!r}: {nearest(name, keys)}")
            others = [key for key in keys.values() if key.name != name and "administer" in key.scopes and _good(key)]
            if keep_administrator and "administer" in keys[name].scopes and not others:
                raise Conflict(f"{name!r} is the last key that may administer: make another first, or revoke it by `gaitbridge keys revoke`")
            connection.execute("DELETE FROM access_keys WHERE id = ?", (keys[name].id,))
            connection.execute("DELETE FROM sessions WHERE key_id = ?", (keys[name].id,))
        self._right.pop(keys[name].id, None)
        return keys[name]

    def by_id(self, key_id: str) -> Key | None:
        """A key that is good now."""
        row = self._row(key_id)
        return _good(_key(row)) if row else None

    def quick(self, text: str) -> Key | bool:
        """What can be said of a key at once: the key, False where it is none, True where only the slow hash can tell (`slow`)."""
        form = FORM.fullmatch(text)
        row = self._row(form[1]) if form else None
        key = _good(_key(row)) if row else None
        if form is None or row is None or key is None:
            return False
        known = self._right.get(key.id)
        if known is None or known[0] != row["hash"]:
            return True
        return key if hmac.compare_digest(known[1], self.digest(form[2])) else False

    def slow(self, text: str) -> Key | None:
        """The key of a text by its slow hash, a tenth of a second, one at a time; known quickly from then on. None where it is none."""
        with self._one_at_a_time:
            quick = self.quick(text)  # another may have paid meanwhile
            if not isinstance(quick, bool):
                return quick
            form = FORM.fullmatch(text)
            row = self._row(form[1]) if form and quick else None
            if form is None or row is None or not fits_hash(form[2], row["hash"]):
                return None
            self._right[form[1]] = row["hash"], self.digest(form[2])
            return self.by_id(form[1])

    def digest(self, secret: str) -> bytes:
        """A fast digest, by a key that is in the memory of this process alone."""
        return hashlib.blake2b(secret.encode(), key=self._own, digest_size=32).digest()

    def _row(self, key_id: str) -> sqlite3.Row | None:
        with self._database.reading() as connection:
            row: sqlite3.Row | None = connection.execute("SELECT * FROM access_keys WHERE id = ?", (key_id,)).fetchone()
        return row


def _key(row: sqlite3.Row) -> Key:
    return Key(row["id"], row["name"], frozenset(json.loads(row["scopes"])), row["created_s"], row["expires_s"], row["per_minute"])


def _good(key: Key) -> Key | None:
    return key if key.expires_s is None or key.expires_s > time.time() else None


def described(keys: Sequence[Key]) -> list[str]:
    """A line a key, for people."""
    def until(key: Key) -> str:
        return "" if key.expires_s is None else f", until {time.strftime('%Y-%m-%d', time.gmtime(key.expires_s))}"

    return [f"{key.name}: {', '.join(sorted(key.scopes))}; id {key.id}, {key.per_minute} requests a minute{until(key)}" for key in keys]
