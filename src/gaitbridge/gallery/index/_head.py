"""The one object that says what a gallery on S3 is now, and who writes it: changed only where it is still what the writer last saw of it.

    NAME/gallery.json    {version, network, ..., "generation": "g-...", "writer": null or {"token", "beat"}}

Writers take turns: whoever finds no writer in it writes itself in, and a beat every few seconds. A writer whose beat stands still for `DEAD_S`, by
the clock of the one who waits, is taken for dead, and taken over from. Should it live after all (a machine that was asleep), nothing is lost: whoever
takes over moves the gallery to a new generation before anything else, and every change that the old one makes is checked against this object
afterwards, so it goes to a generation that nobody reads, and is never acknowledged. Times make it polite; safe is it by the conditions alone.
"""

import json
import random
import secrets
import threading
import time
from collections.abc import Mapping
from typing import Any

from gaitbridge.errors import Busy, StoreError
from gaitbridge.gallery.index import read_about
from gaitbridge.gallery.index._bucket import Bucket, Lost
from gaitbridge.gallery.locks import PATIENCE_S
from gaitbridge.printing import tell

HEAD = "gallery.json"
BEAT_S = 5.0
DEAD_S = 60.0
GONE = "gone"  # the token of a writer that failed and said so


class Head:
    """The head of one gallery. One thread at a time holds it."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self._alone, self._turn = threading.RLock(), threading.Lock()  # who changes the object; which thread of this process writes
        self._held: tuple[dict[str, Any], str] | None = None
        self._stop = threading.Event()

    def make(self, about: Mapping[str, Any]) -> None:
        """The first one; Lost where there is one."""
        self.bucket.put_if(HEAD, _bytes({**about, "writer": None}))

    def read(self) -> tuple[dict[str, Any], str]:
        """What it says, and its ETag; StoreError where it is missing, damaged or of another version."""
        found = self.bucket.get(HEAD)
        place = self.bucket.place
        if found is None:
            raise StoreError(f"{place} does not exist: make one with `gaitbridge gallery create {place} --model RUN`")
        return read_about(found[0].decode("utf-8", "replace"), f"{place}/{HEAD}", place), found[1]

    def take(self, patience_s: float = PATIENCE_S) -> bool:
        """Become the writer; whether one before died as it. Busy where another one writes for too long."""
        if not self._turn.acquire(timeout=patience_s):
            raise Busy(f"{self.bucket.place} is used by another thread for {patience_s:.0f} s; try again when it is done")
        try:
            died = self._wait(patience_s)
        except BaseException:
            self._turn.release()
            raise
        self._stop = threading.Event()
        threading.Thread(target=self._beat, args=(self._stop,), daemon=True).start()
        return died

    def _wait(self, patience_s: float) -> bool:
        started = since = time.monotonic()
        token, seen, told = secrets.token_hex(8), "", False
        while True:
            about, etag = self.read()
            now = time.monotonic()
            writer, since = about.get("writer"), now if etag != seen else since
            seen = etag
            died = writer is not None and (writer.get("token") == GONE or now - since > DEAD_S)
            if writer is None or died:
                try:
                    self._put({**about, "writer": {"token": token, "beat": 0}}, etag)
                    return died
                except Lost:
                    continue
            if now - started > patience_s:
                raise Busy(f"{self.bucket.place} is used by another process for {now - started:.0f} s; try again when it is done")
            if now - started > 2 and not told:
                tell(f"gallery: waiting for another process that uses {self.bucket.place}")
                told = True
            time.sleep(random.uniform(0.05, 0.3))

    def _put(self, about: Mapping[str, Any], etag: str) -> None:
        self._held = dict(about), self.bucket.put_if(HEAD, _bytes(about), etag)

    def _beat(self, stop: threading.Event) -> None:
        while not stop.wait(BEAT_S):
            with self._alone:
                if self._held is None or stop.is_set():
                    return
                about, etag = self._held
                try:
                    self._put({**about, "writer": {**about["writer"], "beat": about["writer"]["beat"] + 1}}, etag)
                except Lost:
                    self._held = None  # `check` says so
                    return
                except Busy:  # the store did not answer: the next beat may reach it
                    continue

    @property
    def held(self) -> dict[str, Any]:
        """What it says, of who holds it. Busy where it was taken over."""
        with self._alone:
            if self._held is None:
                raise self.over()
            return self._held[0]

    def check(self) -> None:
        """Busy where somebody took over: then what was written since is acknowledged by nobody."""
        with self._alone:
            if self._held is None or self.read()[1] != self._held[1]:
                raise self.over()

    def switch(self, changes: Mapping[str, Any], without: str = "") -> dict[str, Any]:
        """Change what it says, as its writer; what it says then. Busy where somebody took over."""
        with self._alone:
            about, etag = self.held, self._held[1] if self._held else ""
            try:
                self._put({name: value for name, value in {**about, **changes}.items() if name != without}, etag)
            except Lost as error:
                raise self.over() from error
            return self.held

    def release(self, whole: bool) -> None:
        """Let others write; not whole: what was begun is to be cleared away by the next."""
        self._stop.set()
        with self._alone:
            try:
                if self._held is not None:
                    about, etag = self._held
                    self.bucket.put_if(HEAD, _bytes({**about, "writer": None if whole else {"token": GONE, "beat": 0}}), etag)
            except Lost:  # taken over: it is theirs
                return
            finally:
                self._held = None
                self._turn.release()

    def stands_still(self) -> bool:
        """Whether a writer died, or seems to: its beat stands still while this looks."""
        about, etag = self.read()
        if not (writer := about.get("writer")) or writer.get("token") == GONE:
            return bool(writer)
        end = time.monotonic() + 2.5 * BEAT_S
        while time.monotonic() < end:
            time.sleep(0.2)
            if self.read()[1] != etag:
                return False
        return True

    def over(self) -> Busy:
        return Busy(f"{self.bucket.place}: another process took this one for dead, and took over; what it did last is not kept: run it again")


def _bytes(about: Mapping[str, Any]) -> bytes:
    """A document that is like no other: its beginning tells whose it is."""
    return json.dumps({"write": secrets.token_hex(8), **{name: value for name, value in about.items() if name != "write"}}, allow_nan=False).encode()
