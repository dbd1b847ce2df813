"""People, templates, changes and strangers as JSON."""

from collections.abc import Sequence
from typing import Any

from gaitbridge.gallery.listing import Listed
from gaitbridge.gallery.templates import NEVER_S, Template
from gaitbridge.gallery.undo import Change
from gaitbridge.service.enrolling import sources_of
from gaitbridge.service.seen import moment
from gaitbridge.service.state import State
from gaitbridge.service.unknown import Cluster, Stranger


def listed(one: Listed) -> dict[str, Any]:
    """A person on a page."""
    return {"person": one.person, "also": list(one.also), "templates": sum(one.templates.values()), "by_sensor": one.templates,
            "sites": list(one.sites), "first_enrolled": moment(one.first_enrolled_s), "last_recorded": moment(one.last_recorded_s),
            "first_expiry": until(one.first_expiry_s), "expired": one.expired}


def whole(state: State, rows: Sequence[Template], names: Sequence[str]) -> dict[str, Any]:
    """Everything about a person: templates, where they came from, what was done with them, what of it can be undone."""
    numbers = sorted({row.person_id for row in rows})
    sources = sources_of(state, [row.id for row in rows])
    return {"person": names[0], "also": list(names[1:]), "person_ids": numbers, "templates": [template(row, sources.get(row.id)) for row in rows],
            "history": state.gallery.audit_of(numbers), "changes": [change(one) for one in state.gallery.changes(names[0])]}


def template(one: Template, source: tuple[str, str] | None) -> dict[str, Any]:
    """A template; job and track where it was made of a walker who is kept, with their pictures."""
    job, track = source or (None, None)
    return {"id": one.id, "person": one.person, "sensor": one.sensor, "modality": one.modality, "site": one.site, "key": one.key,
            "recorded": moment(one.recorded_s), "enrolled": moment(one.enrolled_s), "expires": until(one.expires_s), "job": job, "track": track,
            "picture": None if source is None else f"/v1/jobs/{job}/tracks/{track}/picture"}


def change(one: Change) -> dict[str, Any]:
    """What was changed, and can be undone by its id until a time."""
    return {"undo": one.id, "what": one.what, "before": one.before, "after": one.after, "template": one.template.id if one.template else None,
            "by": one.by, "time": moment(one.time_s), "until": moment(one.until_s)}


def cluster(one: Cluster) -> dict[str, Any]:
    """Walks that may be one person's."""
    return {"id": one.id, "walks": [_stranger(walk) for walk in one.walks]}


def _stranger(one: Stranger) -> dict[str, Any]:
    said = one.answer
    pictures = f"/v1/jobs/{one.job}/tracks/{one.track}"
    return {"job": one.job, "track": one.track, "sensor": said.get("sensor"), "site": said.get("site", ""), "start": said.get("start"),
            "end": said.get("end"), "start_s": said.get("start_s"), "end_s": said.get("end_s"), "quality": said.get("quality"),
            "answered": moment(one.answered_s), "expires": moment(one.expires_s), "outcome": said["outcome"], "hits": said.get("hits", []),
            "picture": f"{pictures}/picture", "strip": f"{pictures}/strip"}


def until(time_s: float) -> str | None:
    """A time; None: never."""
    return None if time_s >= NEVER_S else moment(time_s)
