"""Recordings taken in: streamed to the disk, their kind found from their first bytes, acknowledged when they are safe."""

import hashlib
import secrets
from contextlib import ExitStack
from typing import IO, Annotated, Any

from pydantic import Field

from gaitbridge.config import Config, Hz, checked
from gaitbridge.errors import UserError
from gaitbridge.files import written_whole
from gaitbridge.gallery.templates import LONGEST_NAME, instant
from gaitbridge.geometry.sensors import is_file, open_sensor
from gaitbridge.names import canonical
from gaitbridge.printing import shown
from gaitbridge.service import jobs
from gaitbridge.service.content import HEAD, kind_of
from gaitbridge.service.jobs import Job
from gaitbridge.service.problems import Problem
from gaitbridge.service.state import MIB, State

AT_ONCE = MIB  # bytes that are written at once


class Options(Config):
    """What is said with a recording."""

    site: Annotated[str, Field(max_length=LONGEST_NAME)] = ""
    """Where it was made."""
    recorded: str | None = None
    """When it began, such as 2026-11-29T10:00:00+01:00."""
    reject: Annotated[float, Field(gt=0, lt=1)] | None = None
    """How often somebody who is not enrolled may be given a name; by default as the service was started."""
    hz: Hz | None = None
    """Pictures or turns a second, where the recording does not say it."""
    sensor: str | None = None
    """The LiDAR's name, where the recording does not say it."""
    topic: Annotated[str, Field(max_length=200)] | None = None
    """Of a ROS bag with several LiDARs."""
    columns: Annotated[int, Field(ge=3, le=64)] | None = None
    """Floats a point in .bin scans, where the data do not tell."""


def options_of(given: dict[str, Any]) -> Options:
    """The options as they are kept; UserError names what is wrong."""
    found = checked(Options, {name: value for name, value in given.items() if value is not None})
    site = canonical(found.site)
    if "/" in site or shown(site) != site:
        raise UserError("site: give a name of printable characters, without slashes")
    instant(found.recorded, "recorded")
    if found.sensor is not None:
        if is_file(found.sensor) or not found.sensor.replace("-", "").replace("_", "").isalnum():
            raise UserError("sensor: give the name of a LiDAR, not a file")
        open_sensor(found.sensor)
    return found.model_copy(update={"site": site}) if site != found.site else found


class Upload:
    """A recording on its way to the disk: `write` its parts, then `keep` it; `close` leaves nothing of what was not kept."""

    def __init__(self, state: State, declared: int | None = None) -> None:
        self.state, self.id = state, secrets.token_hex(16)
        self.most = state.settings.upload_mb * MIB
        self.size, self._hash, self._waiting = 0, hashlib.blake2b(digest_size=16), bytearray()
        self._stack = ExitStack()
        self._opened: IO[bytes] | None = None
        self.kind = ""
        self._within(declared or 0)
        if jobs.waiting(state.database) >= state.settings.waiting:
            raise Problem(503, f"{state.settings.waiting} recordings wait already: send this one later", {"Retry-After": "60"})

    def _within(self, size: int) -> None:
        if size > self.most:
            raise Problem(413, f"the recording has more than {self.state.settings.upload_mb} MiB: cut it into parts, or ask whoever runs the service "
                               "to raise --upload-mb")

    def write(self, data: bytes) -> bool:
        """Take some bytes; whether so many wait that `settle` should write them (which may wait for the disk)."""
        self.size += len(data)
        self._within(self.size)
        self._waiting += data
        return len(self._waiting) >= AT_ONCE

    def settle(self) -> None:
        """Write what waits."""
        if self._opened is None:
            self.kind, suffix = kind_of(bytes(self._waiting[:HEAD]))
            temporary = self._stack.enter_context(written_whole(self.state.kept.uploads / f"{self.id}{suffix}"))
            self._opened = self._stack.enter_context(temporary.open("wb"))
        self._hash.update(self._waiting)
        self._opened.write(self._waiting)
        self._waiting.clear()

    def keep(self, caller: str, options: Options, again: bool) -> tuple[Job, bool]:
        """The job of the recording, and whether it is a new one: the same bytes with the same options are answered once, unless `again`. It is
        acknowledged: on the disk and in the queue."""
        self.settle()
        held = options.model_dump(mode="json")
        self._stack.close()  # flushed, on the disk, and by its name
        job: Job | None = None
        try:
            job = jobs.add(self.state.database, self.id, self.kind, caller, held, self.size, self._hash.hexdigest(), again)
        finally:
            if job is None or job.id != self.id:
                self.state.kept.drop_upload(self.id)
        self.state.queue.came.set()
        return job, job.id == self.id

    def close(self) -> None:
        """Leave nothing of what was not kept."""
        self._stack.__exit__(_NotKept, _NotKept(), None)


class _NotKept(Exception):
    """What ends the writing of an upload that is not to be kept."""

