"""People enrolled over HTTP: of a walker of a recording, or of walks that are sent."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gaitbridge.errors import Unknown, UserError
from gaitbridge.gallery.changing import Enrolled
from gaitbridge.gallery.templates import Walk, checked_name, sequence_id, vectors_of
from gaitbridge.service import jobs
from gaitbridge.service.intents import marks
from gaitbridge.service.questions import of_embeddings, of_sequences, read_sent
from gaitbridge.service.state import State
from gaitbridge.types import Embeddings


def enrol_track(state: State, person: str, job: str, track: str, keep_s: float | None = None) -> dict[str, Any]:
    """Enrol a person by the walks of a walker of a recording. Which recording it was is kept first: it goes when they are forgotten. Unknown where
    nothing is kept of that walker; UserError where the walks are enrolled as somebody else's."""
    person = checked_name(person)
    held, one = jobs.one(state.database, job), state.kept.track(job, track)
    when_s = held.received_s if one.recorded_s is None else one.recorded_s
    walks = [Walk(name, person, f"{job}/{track}/{number}", held.content, one.site, when_s) for number, name in enumerate(one.ids)]
    with state.database.writing() as connection:
        if connection.execute("SELECT 1 FROM tracks WHERE job = ? AND id = ?", (job, track)).fetchone() is None:
            raise Unknown(f"job {job} has no track {track}: it is not answered yet, or is forgotten")
        connection.executemany("INSERT OR IGNORE INTO sources (template, job, track) VALUES (?, ?, ?)", [(name, job, track) for name in one.ids])
    return said(person, state.gallery.enrol(one.embeddings, walks, keep_s), one.ids)


def enrol_walks(state: State, person: str, embeddings: Sequence[Embeddings], ids: Sequence[str], content: str, site: str = "",
                recorded_s: float | None = None, keep_s: float | None = None) -> dict[str, Any]:
    """Enrol a person by walks that were sent: embeddings [1, C, K] each, with the names of their sequences; content: a hash of what was sent."""
    person = checked_name(person)
    done: list[Enrolled] = []
    for modality in dict.fromkeys(one.modality for one in embeddings):
        own = [number for number, one in enumerate(embeddings) if one.modality == modality]
        every = Embeddings(np.concatenate([embeddings[number].values for number in own]), embeddings[own[0]].distance, modality,
                           embeddings[own[0]].weights_hash)
        walks = [Walk(ids[number], person, f"sent/{content[:12]}/{number}", content, site, recorded_s) for number in own]
        done.append(state.gallery.enrol(every, walks, keep_s))
    added, known = (sum(sum(getattr(one, name).values()) for one in done) for name in ("added", "known"))
    return {"person": person, "added": added, "known": known, "templates": list(ids)}


def said(person: str, done: Enrolled, ids: Sequence[str]) -> dict[str, Any]:
    """An enrolment as JSON."""
    return {"person": person, "added": sum(done.added.values()), "known": sum(done.known.values()), "templates": list(ids)}


def sources_of(state: State, templates: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Job and track of each template that was made of one and is still kept."""
    found: dict[str, tuple[str, str]] = {}
    with state.database.reading() as connection:
        for at in range(0, len(templates), 400):
            some = list(templates[at : at + 400])
            for row in connection.execute(f"SELECT template, job, track FROM sources WHERE template IN ({marks(some)})", some):
                found[row["template"]] = row["job"], row["track"]
    return found


def enrol_file(state: State, person: str, body: bytes, site: str = "", recorded_s: float | None = None,
               keep_s: float | None = None) -> dict[str, Any]:
    """Enrol a person by the sequences or embeddings of a .npz, read in a process of its own; what is not good enough is left out, and said.
    UserError where nothing of it is."""
    held = read_sent(state, body)
    if "sequences" in held:
        asked = of_sequences(state, held["sequences"], None)
        ids = {number: _id_of(state, held["sequences"][number], one) for number, one in asked.embeddings.items()}
    else:
        asked = of_embeddings(state, held["values"], held["modality"], held["weights_hash"], held["distance"])
        ids = {number: sequence_id(one.modality, {"embedding": vectors_of(one)}) for number, one in asked.embeddings.items()}
    if not asked.embeddings:
        raise UserError(f"none of {len(asked.unfit)} walks is good enough to recognise anybody by: {next(iter(asked.unfit.values()))}")
    content = hashlib.blake2b(body, digest_size=16).hexdigest()
    found = enrol_walks(state, person, list(asked.embeddings.values()), list(ids.values()), content, site, recorded_s, keep_s)
    return found | {"unfit": [{"query": number, "problem": why} for number, why in asked.unfit.items()]}


def _id_of(state: State, arrays: Mapping[str, np.ndarray], one: Embeddings) -> str:
    """The name of a sequence, as the command line gives it."""
    return sequence_id(one.modality, {name: arrays[name] for name in state.model.inputs[one.modality]})
