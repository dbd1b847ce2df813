"""A recording answered: read, each walker judged, embedded and asked about, as the command line does it; what was seen of them kept."""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gaitbridge.errors import NOT_THEIRS, UserError
from gaitbridge.gallery.answers import merged
from gaitbridge.gallery.kinds import Kind
from gaitbridge.gallery.templates import instant, sequence_id
from gaitbridge.progress import Progress
from gaitbridge.service.answering import HITS, embedded, hit_document, inputs_of, judged, said
from gaitbridge.service.at_once import once
from gaitbridge.service.jobs import Answered, Job
from gaitbridge.service.kept import KeptTrack
from gaitbridge.service.pictures import longest_strip, png, shown_pictures, side_by_side
from gaitbridge.service.seen import Found, Seen, Way, moment, read_recording
from gaitbridge.service.state import MIB, State
from gaitbridge.types import Embeddings

UNPACKED = 4  # an archive of scans may have so many times as many bytes as an upload
OPTIONS = re.compile(r"--(hz|sensor|topic|columns)\b")  # of the command line, which have the same names here


@dataclass(frozen=True)
class _Told:
    """What was said with a recording, as far as it is known."""

    reject: float
    site: str
    recorded_s: float | None


def answer_job(state: State, job: Job, progress: Progress) -> tuple[list[Answered], dict[str, Any]]:
    """The answers of a recording, the walker seen first ahead, and what was found in all. UserError where it cannot be read; what is seen of a walker
    is kept in files before."""
    file = state.kept.upload(job.id)
    if file is None:
        raise UserError("the bytes of the recording are gone: send it again")
    state.kept.drop_results(job.id)  # of a try that was cut short
    told = _Told(job.options.get("reject") or state.settings.reject, job.options.get("site") or state.site,
                 instant(job.options.get("recorded"), "recorded"))
    config = state.model.network.config
    way = Way(tuple(getattr(config, "size", None) or (64, 44)), state.settings.people, told.site, state.settings.stall_s, state.settings.memory_mb,
              {name: job.options.get(name) for name in ("hz", "sensor", "topic", "columns")}, state.folder / "unpacked",
              state.settings.upload_mb * UNPACKED * MIB)
    try:
        found = read_recording(file, job.kind, way, lambda done, total, note: progress(done, total, f"reading: {note}" if note else "reading"))
    except UserError as error:
        words = str(error).replace(str(file), "the recording").replace(file.name, "the recording")
        raise UserError(OPTIONS.sub(r"\1", words)) from error
    answers: list[Answered] = []
    for number, seen in enumerate(found.seen):
        progress(number, len(found.seen), "answering")
        if seen.runs:
            answers.append(_answered(state, job, seen, found.kind, told))
    lines = once([one.answer for one in answers])
    ordered = sorted((Answered(one.id, line) for one, line in zip(answers, lines, strict=True)), key=lambda one: float(one.answer["start_s"]))
    return ordered, _summary(found, lines)


def still_holds(state: State, answers: list[Answered]) -> bool:
    """Whether all templates that answers speak of are still enrolled, as the same people."""
    people = {hit["template_id"]: hit["person"] for one in answers for hit in one.answer["hits"]}
    if not people:
        return True
    there = state.gallery.enrolled(sorted(people))
    first = {name: names[0] for names in state.gallery.links() for name in names}
    return all(first.get(name := there.get(template, ""), name) == person for template, person in people.items())


def _summary(found: Found, lines: list[dict[str, Any]]) -> dict[str, Any]:
    outcomes = {outcome: sum(line["outcome"] == outcome for line in lines) for outcome in ("named", "nobody", "undecided", "unfit")}
    no_walk = Counter(seen.problem for seen in found.seen if not seen.runs)
    return {"sensor": found.sensor, "walkers": len(lines), **outcomes, "tracks_without_walk": dict(no_walk.most_common()), **found.facts,
            "kind": found.kind.model_dump(mode="json")}


def _answered(state: State, job: Job, seen: Seen, kind: Kind, told: _Told) -> Answered:
    began_s = seen.clock_s if told.recorded_s is None else told.recorded_s + seen.start_s
    line: dict[str, Any] = {
        "sensor": seen.sensor, "source": job.id, "film": seen.name if job.kind == "arrays" else "", "part": seen.part, "name": seen.name,
        "start": moment(began_s), "end": moment(None if began_s is None else began_s + seen.end_s - seen.start_s),
        "start_s": round(seen.start_s, 3), "end_s": round(seen.end_s, 3), "site": told.site, "runs": len(seen.runs), **seen.about}
    name = _id(seen)
    pictures = shown_pictures(seen.runs)
    if pictures is not None:
        state.kept.keep_bytes(job.id, f"{name}.png", png(side_by_side(pictures)))
        shown = longest_strip(seen.runs)
        state.kept.keep_bytes(job.id, f"{name}-strip.png", png(side_by_side(pictures) if shown is None else shown))
    line |= {"frames": 0 if pictures is None else len(pictures), "picture": pictures is not None, "quality": None}
    inputs = inputs_of(state.model, seen.sensor, tuple(set(seen.runs[0])))
    if not inputs:
        return Answered(name, _none("unfit", f"the gallery's network takes nothing of what was seen by a {seen.sensor}", told) | line)
    good = judged(seen.runs, inputs, state.settings.least_quality)
    line["quality"] = good.best.document()
    if not good.fit:
        return Answered(name, _none("unfit", good.problem, told) | line)
    try:
        with state.embedding:
            values = embedded(state.model, good.fit, inputs)
    except UserError as error:
        return Answered(name, _none("unfit", str(error), told) | line)
    ids = tuple(sequence_id(values.modality, {key: run[key] for key in inputs}) for run in good.fit)
    state.kept.keep_track(job.id, name, KeptTrack(values, ids, tuple(good.fit), began_s, told.site))
    return Answered(name, _decided(state, values, kind, told) | line)


def _decided(state: State, values: Embeddings, kind: Kind, told: _Told) -> dict[str, Any]:
    """The name or nobody; `undecided` where the gallery cannot decide, such as an empty one, and why."""
    try:
        (found,) = state.gallery.identify([values], told.reject, top=HITS, kind=kind)
    except NOT_THEIRS:
        raise
    except UserError as error:
        return _none("undecided", state.for_clients(str(error)), told) | {"hits": _nearest(state, values)}
    return {**said(found), "problem": None}


def _nearest(state: State, values: Embeddings) -> list[dict[str, Any]]:
    """The people nearest to any of a walker's runs, whom nothing decides about: for somebody to look at. None of an empty gallery."""
    try:
        found = state.gallery.search(values, top=HITS)
    except NOT_THEIRS:
        raise
    except UserError:
        return []
    return [hit_document(hit) for hit in merged(found, HITS)]


def _none(outcome: str, problem: str, told: _Told) -> dict[str, Any]:
    return {"outcome": outcome, "decision": None, "reject": told.reject, "problem": problem, "rate": None, "hits": [], "warnings": []}


def _id(seen: Seen) -> str:
    """The name of a walk by what was seen."""
    digest = hashlib.blake2b(f"{seen.name}\x1f{seen.sensor}\x1f{seen.start_s:.3f}\x1f".encode(), digest_size=16)
    for run in seen.runs:
        digest.update(_bytes(run))
    return digest.hexdigest()


def _bytes(run: Mapping[str, np.ndarray]) -> bytes:
    return b"".join(np.ascontiguousarray(run[name]).tobytes() for name in sorted(run))
