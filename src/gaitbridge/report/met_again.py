"""The walker behind a simulated sequence, met again: made anew from the settings that the store keeps, and shown only where it is the same one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gaitbridge.config import checked
from gaitbridge.errors import UserError
from gaitbridge.report.walker_look import Moment, moments
from gaitbridge.simulation.settings import VERSION_1, CohortConfig
from gaitbridge.simulation.takes import Person, Take, open_source, plan, rendered, take_of
from gaitbridge.store import Store

ALIKE = 0.005  # the share of a silhouette's pixels that another processor may draw otherwise


def walker_of(store: Store, number: int, time_s: Sequence[float] | np.ndarray) -> list[Moment] | None:
    """The dressed walker of sequence `number` at times [T], or None where the store does not say how it was simulated, its captures are not
    there, or this version makes another walker of the same settings: then what was stored differs from what is rendered anew."""
    about = store.document.get("about", {})
    settings, row = about.get("config"), store.rows[number]
    if about.get("kind") != "simulated" or not isinstance(settings, dict) or not row["silhouettes_frames"]:
        return None
    try:
        take, view = _take(settings, row)
    except UserError:
        return None
    stored = store.read(number, ["silhouettes", "T_world_from_camera"]).arrays
    if not np.allclose(take.stations[view].T_world_from_camera, stored.get("T_world_from_camera", np.nan), atol=1e-6):
        return None
    again = rendered(take)[view]["silhouettes"]
    if again.shape != stored["silhouettes"].shape or (again != stored["silhouettes"]).mean() > ALIKE:
        return None
    return moments(take.walker, np.asarray(time_s, float), row["person"])


def _take(settings: dict[str, Any], row: dict[str, Any]) -> tuple[Take, int]:
    """The take of a sequence, and which of its stations it is. UserError where the settings make none."""
    config = checked(CohortConfig, CohortConfig(**VERSION_1).model_dump(mode="json") | settings)  # what is not named came after that store
    source = open_source(config.motion)
    people = plan(config, source)
    names = source.people or tuple(person.name for person in people)
    found: list[tuple[Person, str]] = [(one, name) for one, name in zip(people, names, strict=True) if one.name == row["person"]]
    wanted = (row["condition"], row["take"])
    if not found or wanted not in found[0][0].takes or row["view"] not in config.views:
        raise UserError(f"{row['key']} is not of these settings")
    person, name = found[0]
    return take_of(config, person, person.takes.index(wanted), name), config.views.index(row["view"])
