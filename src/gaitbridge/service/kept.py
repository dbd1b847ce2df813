"""What is kept of a recording in files, beside the database: its bytes until it is answered, then of each walk what was seen.

    STATE/uploads/JOB.ENDING            the recording as it came; gone once it is answered
    STATE/results/JOB/TRACK.walk        arrays and embeddings of the runs that were good enough (`KeptTrack`)
    STATE/results/JOB/TRACK.png         some of its silhouettes or range views, side by side
    STATE/results/JOB/TRACK-strip.png   sixteen equal ones in a row, of one stride, to be shown one after another (`strips`)

Names are made here, never by who sends. A file without its job in the database was never acknowledged, or is forgotten: `sweep_kept` removes it.
"""

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gaitbridge.capture.isolated import pack, unpack
from gaitbridge.errors import StoreError, Unknown
from gaitbridge.files import LEFT, sweep, written_whole
from gaitbridge.service.database import Database
from gaitbridge.types import Embeddings

NAME = re.compile(r"[0-9a-f]{32}")
TRIES = 5  # to remove a folder in which somebody may be writing


@dataclass(frozen=True)
class KeptTrack:
    """What is kept of a walker. embeddings: [N, C, K] of N runs; ids: of each run's content and modality, as templates have them; runs: their arrays
    by name; recorded_s: when it was, in seconds since 1970, where known; site: where."""

    embeddings: Embeddings
    ids: tuple[str, ...]
    runs: tuple[Mapping[str, np.ndarray], ...]
    recorded_s: float | None
    site: str


class Kept:
    """The files of a service's folder."""

    def __init__(self, folder: Path) -> None:
        self.uploads, self.results = folder / "uploads", folder / "results"
        for place in (self.uploads, self.results):
            place.mkdir(parents=True, exist_ok=True)

    def upload(self, job: str) -> Path | None:
        """The bytes of a recording, where they are still kept."""
        return next(self.uploads.glob(f"{checked(job)}.*"), None)

    def picture(self, job: str, track: str, strip: bool = False) -> Path:
        """The file of a walker's picture; Unknown where there is none."""
        return self._there(job, track, "-strip.png" if strip else ".png")

    def track(self, job: str, track: str) -> KeptTrack:
        """What is kept of a walker; Unknown where nothing is: they were not good enough to recognise anybody by."""
        file = self._there(job, track, ".walk")
        try:
            held = unpack(file.read_bytes())
            embeddings = Embeddings(held["values"], held["distance"], held["modality"], held["weights_hash"])
            return KeptTrack(embeddings, tuple(held["ids"]), tuple(held["runs"]), held["recorded_s"], held["site"])
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{file} is damaged ({error}): send the recording again") from error

    def keep_track(self, job: str, track: str, one: KeptTrack) -> None:
        """Keep it, on the disk when this returns."""
        values = one.embeddings
        held = {"values": values.values, "distance": values.distance, "modality": values.modality, "weights_hash": values.weights_hash,
                "ids": list(one.ids), "runs": [dict(run) for run in one.runs], "recorded_s": one.recorded_s, "site": one.site}
        self.keep_bytes(job, f"{checked(track)}.walk", pack(held))

    def keep_bytes(self, job: str, name: str, data: bytes) -> None:
        """A file of a job's results."""
        with written_whole(self.results / checked(job) / name) as temporary:
            temporary.write_bytes(data)

    def holds(self, job: str, track: str) -> bool:
        """Whether embeddings of a walker are kept."""
        return (self.results / checked(job) / f"{checked(track)}.walk").is_file()

    def files_of(self, job: str, track: str) -> list[Path]:
        """What is kept of a walker."""
        return sorted((self.results / checked(job)).glob(f"{checked(track)}*"))

    def drop_upload(self, job: str) -> None:
        """Remove the bytes of a recording."""
        for file in self.uploads.glob(f"{checked(job)}.*"):
            file.unlink(missing_ok=True)

    def drop_track(self, job: str, track: str) -> None:
        """Remove what is kept of a walker."""
        for file in self.files_of(job, track):
            file.unlink(missing_ok=True)

    def drop(self, job: str) -> None:
        """Remove all that is kept of a job."""
        self.drop_upload(job)
        self.drop_results(job)

    def drop_results(self, job: str) -> None:
        """Remove what was seen in a recording. StoreError where it cannot be removed: then it is not forgotten."""
        _remove(self.results / checked(job))

    def _there(self, job: str, track: str, ending: str) -> Path:
        file = self.results / checked(job) / f"{checked(track)}{ending}"
        if not file.is_file():
            raise Unknown(f"nothing is kept of track {track} of job {job}: it was not good enough to recognise anybody by, or is forgotten")
        return file


def checked(name: str) -> str:
    """A name as they are made here; Unknown for any other, which might lead elsewhere."""
    if not NAME.fullmatch(name):
        raise Unknown("there is no job or track of that name: see GET /v1/jobs")
    return name


def drop_jobs(database: Database, kept: Kept, jobs: Sequence[str]) -> None:
    """Forget jobs with all that is kept of them: bytes, too, when this returns."""
    with database.writing() as connection:
        connection.executemany("DELETE FROM jobs WHERE id = ?", [(checked(job),) for job in jobs])
    for job in jobs:
        kept.drop(job)
    database.scrub()


def sweep_kept(database: Database, kept: Kept) -> None:
    """Remove the files of no job, and what killed writers left. For who holds the service's folder alone, before it takes anything in."""
    with database.reading() as connection:
        states = {row["id"]: row["state"] for row in connection.execute("SELECT id, state FROM jobs")}
    sweep(kept.uploads)
    for file in kept.uploads.iterdir():
        if not LEFT.fullmatch(file.name) and states.get(file.name.partition(".")[0]) not in ("waiting", "working"):
            file.unlink(missing_ok=True)
    for folder in kept.results.iterdir():
        sweep(folder)
        if states.get(folder.name) != "done":
            _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder, where it is there."""
    for left in reversed(range(TRIES)):
        if not folder.exists():
            return
        try:
            shutil.rmtree(folder)
        except OSError as error:  # somebody may be writing the last of it in this moment
            if not left:
                raise StoreError(f"cannot remove {folder}: {error.strerror or error}; remove it by hand") from error
