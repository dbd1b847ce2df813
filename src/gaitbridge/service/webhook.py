"""Answers posted to a web address: in order, each until it was taken, also after a restart.

The body is the answer's line of JSON. Headers: X-Gaitbridge-Id, the walk's id, by which a receiver knows one that it took although its answer was
lost on the way; where GAITBRIDGE_WEBHOOK_SECRET is set, X-Gaitbridge-Time (seconds since 1970) and X-Gaitbridge-Signature, "sha256=" and the
HMAC-SHA256 in hexadecimal digits of the time, a dot and the body, by that secret.
"""

import base64
import hashlib
import hmac
import json
import os
import threading
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit, urlunsplit

from typing_extensions import TypedDict

from gaitbridge.documents import read_document
from gaitbridge.errors import UserError, words_of
from gaitbridge.files import write_json
from gaitbridge.printing import tell

SECRET = "GAITBRIDGE_WEBHOOK_SECRET"
FIRST_S, MOST_S = 1.0, 300.0  # between tries
PATIENCE_S = 10.0  # for an answer
LAST_S = 3.0  # for what is left when the watch ends


class State(TypedDict):
    """What hook.json holds: by a hash of the address, up to which place it has taken (`Lines`; of walks.jsonl, bytes)."""

    taken: dict[str, int]


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:  # a POST that is redirected would become a GET
        return None


class Lines(Protocol):
    """What is posted: documents of JSON in an order, each at a place of its own; places rise."""

    def end(self) -> int:
        """The place of what comes next."""

    def next(self, place: int) -> tuple[bytes, int] | None:
        """The document at a place or after it, and the place behind it; None where there is none yet."""


class FileLines:
    """The lines of a file that grows; places are bytes."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def end(self) -> int:
        return self.file.stat().st_size if self.file.is_file() else 0

    def next(self, place: int) -> tuple[bytes, int] | None:
        try:
            with self.file.open("rb") as file:
                file.seek(place)
                line = file.readline()
        except FileNotFoundError:
            return None
        return (line.rstrip(b"\n"), place + len(line)) if line.endswith(b"\n") else None


class Webhook:
    """Posts documents as they come, from a thread of its own. A context: at its end it posts what is left for some seconds.

    url: http or https. A hook that is new to its state begins with what comes from now on.
    """

    def __init__(self, url: str, lines: Lines, state: Path) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UserError(f"--webhook {url}: give an address such as https://HOST/PATH")
        host = parts.netloc.rpartition("@")[2]
        self.lines, self.state = lines, state
        self.url, self.where = urlunsplit(parts._replace(netloc=host)), f"{parts.scheme}://{host}{parts.path}"  # said without passwords and tokens
        self._login = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
        self._key = hashlib.blake2b(url.encode(), digest_size=8).hexdigest()
        self._taken = self._begin()
        self._secret = os.environ.get(SECRET, "").encode()
        self._opener = urllib.request.build_opener(_NoRedirects)
        self._more, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.broken: UserError | None = None  # what ended the thread

    def _begin(self) -> int:
        held = read_document(self.state, State, "delete it: hooks then begin with what comes")["taken"] if self.state.is_file() else {}
        end = self.lines.end()
        if self._key not in held:
            write_json({"taken": held | {self._key: end}}, self.state)
            return end
        return min(held[self._key], end)

    def __enter__(self) -> "Webhook":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._more.set()
        self._thread.join(LAST_S + PATIENCE_S)

    def tell(self) -> None:
        """Say that there are more lines."""
        self._more.set()

    def _run(self) -> None:
        wait_s, until = FIRST_S, float("inf")
        while True:
            self._more.clear()
            if self._ended.is_set():
                until = min(until, time.monotonic() + LAST_S)
            found = self.lines.next(self._taken)
            if found is None:
                if self._ended.is_set():
                    return
                self._more.wait()
                continue
            body, place = found
            if why := self._post(body):
                if wait_s == FIRST_S:
                    tell(f"webhook {self.where}: {why}: tried again until it takes them; the answers are kept")
                if time.monotonic() >= until:
                    return
                self._ended.wait(min(wait_s, max(0.1, until - time.monotonic())))
                wait_s = min(2 * wait_s, MOST_S)
                continue
            if wait_s > FIRST_S:
                tell(f"webhook {self.where}: takes answers again")
            wait_s = FIRST_S
            self._taken = place
            try:
                self._keep()
            except UserError as error:
                self.broken = error
                return

    def _keep(self) -> None:
        held = read_document(self.state, State, "delete it")["taken"]
        write_json({"taken": held | {self._key: self._taken}}, self.state)

    def _post(self, body: bytes) -> str:
        """Post a document; why it was not taken, or nothing."""
        headers = {"Content-Type": "application/json", "User-Agent": "gaitbridge", "X-Gaitbridge-Id": str(json.loads(body)["id"])}
        if self._login:
            headers["Authorization"] = f"Basic {base64.b64encode(self._login.encode()).decode()}"
        if self._secret:
            now = str(int(time.time()))
            headers["X-Gaitbridge-Time"] = now
            headers["X-Gaitbridge-Signature"] = "sha256=" + hmac.new(self._secret, now.encode() + b"." + body, hashlib.sha256).hexdigest()
        try:
            with self._opener.open(urllib.request.Request(self.url, body, headers), timeout=PATIENCE_S) as answer:
                return "" if 200 <= answer.status < 300 else f"it answered {answer.status}"
        except urllib.error.HTTPError as error:
            error.close()
            return f"it answered {error.code}"
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None)
            return words_of(reason if isinstance(reason, BaseException) else error)
