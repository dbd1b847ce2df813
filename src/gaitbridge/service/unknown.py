"""Walks that were nobody's, put together by likeness, to be named; they expire by themselves."""

import hashlib
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gaitbridge.errors import Unknown
from gaitbridge.gallery import audit
from gaitbridge.gallery.likeness import groups_of_likeness
from gaitbridge.service.at_once import AT_ONCE_S
from gaitbridge.service.enrolling import enrol_track
from gaitbridge.service.problems import Problem
from gaitbridge.service.showing import Track, drop_tracks
from gaitbridge.service.state import State
from gaitbridge.types import Embeddings

MOST = 300  # walkers that are compared, the newest
DAY_S = 86_400.0
OUTCOMES = ("nobody", "undecided")  # undecided: by a gallery that is empty, or without thresholds


@dataclass(frozen=True)
class Stranger:
    """A walker who was nobody. answered_s, expires_s: seconds since 1970; answer: what was said."""

    job: str
    track: str
    answered_s: float
    expires_s: float
    answer: dict[str, Any]
    embeddings: Embeddings
    ids: tuple[str, ...]


@dataclass(frozen=True)
class Cluster:
    """Walkers who may be one person. id: of exactly these."""

    id: str
    walks: tuple[Stranger, ...]


class _Read:
    """What was read of the files of strangers, by service: files do not change, and few are new at each look."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.held: dict[Track, tuple[Embeddings, tuple[str, ...]]] = {}


_read: dict[str, _Read] = {}


def strangers(state: State) -> list[Stranger]:
    """Walkers who are nobody so far, oldest first: answered so, not enrolled since, kept still; at most the newest `MOST`."""
    keep_s = state.settings.unknown_days * DAY_S
    with state.database.reading() as connection:
        rows = connection.execute("SELECT job, id, answered_s, answer FROM tracks WHERE outcome IN (?, ?) AND answered_s > ? ORDER BY number DESC "
                                  "LIMIT ?", (*OUTCOMES, time.time() - keep_s, MOST)).fetchall()
    found = []
    held = _files(state, [(row["job"], row["id"]) for row in rows])
    for row in reversed(rows):
        if (kept := held.get((row["job"], row["id"]))) is not None:
            found.append(Stranger(row["job"], row["id"], row["answered_s"], row["answered_s"] + keep_s, json.loads(row["answer"]), *kept))
    enrolled = state.gallery.enrolled([name for one in found for name in one.ids])
    return [one for one in found if not set(one.ids) & set(enrolled)]


def clusters(state: State) -> list[Cluster]:
    """Strangers in groups that may be one person each, the largest first; each alone where nothing is calibrated."""
    found = strangers(state)
    calibration = state.gallery.calibration()
    if calibration is None:
        groups = [[number] for number in range(len(found))]
    else:
        apart = [(a, b) for b in range(len(found)) for a in range(b) if _at_once(found[a], found[b])]
        groups = groups_of_likeness([one.embeddings for one in found], calibration, apart)
    audit.note(state.gallery.index, "unknown", walks=len(found), clusters=len(groups))
    return [_cluster([found[number] for number in group]) for group in groups]


def name(state: State, cluster: str, person: str, only: Sequence[Track] = (), keep_s: float | None = None) -> dict[str, Any]:
    """Enrol a cluster's walks as a person's; only: some of them. Problem 409 where it is not as it was, Unknown where there is no such cluster."""
    walks = [(one.job, one.track) for one in _the(state, cluster).walks]
    if left := set(only) - set(walks):
        raise Unknown(f"walk {'/'.join(min(left))} is not of this cluster")
    done = [enrol_track(state, person, job, track, keep_s) for job, track in walks if not only or (job, track) in only]
    return {"person": done[0]["person"], "added": sum(one["added"] for one in done), "known": sum(one["known"] for one in done),
            "templates": [name for one in done for name in one["templates"]]}


def dismiss(state: State, cluster: str) -> int:
    """Let go of what is kept of a cluster's walks, as their expiry would: pictures, silhouettes, embeddings; how many walks."""
    walks = [(one.job, one.track) for one in _the(state, cluster).walks]
    audit.note(state.gallery.index, "dismiss", walks=len(walks))
    drop_tracks(state.kept, walks)
    return len(walks)


def expired(state: State) -> list[Track]:
    """Walkers who were nobody too long ago, of whom something is kept that no template was made of."""
    with state.database.reading() as connection:
        rows = connection.execute("SELECT job, id FROM tracks WHERE outcome IN (?, ?) AND answered_s <= ? ORDER BY number",
                                  (*OUTCOMES, time.time() - state.settings.unknown_days * DAY_S)).fetchall()
    found = [(row["job"], row["id"]) for row in rows if state.kept.holds(row["job"], row["id"])]
    return [one for one in found if not _enrolled(state, one)]


def _enrolled(state: State, track: Track) -> bool:
    with state.database.reading() as connection:
        templates = [row["template"] for row in connection.execute("SELECT template FROM sources WHERE job = ? AND track = ?", track)]
    return bool(templates) and bool(state.gallery.enrolled(templates))


def _the(state: State, cluster: str) -> Cluster:
    for one in clusters(state):
        if one.id == cluster:
            return one
    raise Problem(409, "the unknown are not as they were when you looked: look again, then choose")


def _cluster(walks: Sequence[Stranger]) -> Cluster:
    text = "\n".join(f"{one.job}/{one.track}" for one in walks)
    return Cluster(hashlib.blake2b(text.encode(), digest_size=8).hexdigest(), tuple(walks))


def _at_once(a: Stranger, b: Stranger) -> bool:
    """Whether two were seen at one time in one recording, and so are two people."""
    if a.job != b.job or any(a.answer.get(name) != b.answer.get(name) for name in ("film", "part")):
        return False
    return min(a.answer["end_s"], b.answer["end_s"]) - max(a.answer["start_s"], b.answer["start_s"]) >= AT_ONCE_S


def _files(state: State, tracks: Sequence[Track]) -> dict[Track, tuple[Embeddings, tuple[str, ...]]]:
    """Embeddings and ids of those that are kept."""
    read = _read.setdefault(str(state.folder), _Read())
    with read.lock:
        there = [track for track in tracks if state.kept.holds(*track)]
        held = {track: read.held[track] for track in there if track in read.held}
        for track in there:
            if track not in held:
                try:
                    one = state.kept.track(*track)
                except Unknown:
                    continue  # forgotten in this moment
                held[track] = one.embeddings, one.ids
        read.held = held
    return held
