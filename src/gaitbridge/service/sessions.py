"""Sessions of the page: who signed in with a key goes on with a cookie, and what changes something carries a token that other sites cannot know.

    Set-Cookie: __Host-gaitbridge=SECRET; HttpOnly; SameSite=Strict; Secure; Path=/      (gaitbridge=... without Secure, over plain HTTP)
    X-CSRF-Token: HMAC(SECRET, "csrf")

Kept is a hash of the secret. The token follows from the secret: it is good for one session and ends with it. A session ends when it is signed out,
is not used for `IDLE_S`, is older than `LONGEST_S`, or when its key is revoked or expires.
"""

import hashlib
import hmac
import re
import secrets
import time

from gaitbridge.service.database import Database

IDLE_S = 3600.0
LONGEST_S = 12 * 3600.0
SEEN_AGAIN_S = 60.0  # the time of the last use is written no more often
FORM = re.compile(r"[A-Za-z0-9_-]{43}")
PLAIN, SECURE = "gaitbridge", "__Host-gaitbridge"  # a browser takes the latter over TLS alone, and from this host alone


class Sessions:
    """The sessions of a service, in its database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, key_id: str) -> str:
        """A new session of a key: what its cookie holds. Those that have ended are removed."""
        secret, now = secrets.token_urlsafe(32), time.time()
        with self._database.writing() as connection:
            connection.execute("DELETE FROM sessions WHERE seen_s <= ? OR begun_s <= ?", (now - IDLE_S, now - LONGEST_S))
            connection.execute("INSERT INTO sessions (digest, key_id, begun_s, seen_s) VALUES (?, ?, ?, ?)", (_digest(secret), key_id, now, now))
        return secret

    def key_of(self, secret: str) -> str | None:
        """The id of the key of a session that goes on; None where it is none."""
        if not FORM.fullmatch(secret):
            return None
        now = time.time()
        with self._database.reading() as connection:
            row = connection.execute("SELECT * FROM sessions WHERE digest = ?", (_digest(secret),)).fetchone()
        if row is None or row["seen_s"] <= now - IDLE_S or row["begun_s"] <= now - LONGEST_S:
            return None
        if row["seen_s"] <= now - SEEN_AGAIN_S:
            with self._database.writing() as connection:
                connection.execute("UPDATE sessions SET seen_s = ? WHERE digest = ?", (now, row["digest"]))
        key_id: str = row["key_id"]
        return key_id

    def end(self, secret: str) -> None:
        """End a session, if it is one."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM sessions WHERE digest = ?", (_digest(secret),))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()  # of 256 random bits: a slow one would add nothing


def token(secret: str) -> str:
    """The token of a session, by what its cookie holds."""
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()


def fits_token(secret: str, given: str) -> bool:
    """Whether a token is that of the session, compared in constant time."""
    return hmac.compare_digest(token(secret).encode(), given.encode())


def cookie(secret: str, secure: bool) -> str:
    """The header Set-Cookie that begins a session, or with an empty secret ends it in the browser. secure: the browser speaks TLS."""
    age = f"; Max-Age={int(LONGEST_S) if secret else 0}"
    return f"{SECURE if secure else PLAIN}={secret}{age}; Path=/; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}"
