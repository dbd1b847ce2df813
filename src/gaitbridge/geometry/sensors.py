"""LiDARs by name or by a small JSON file, as projections of their clouds; the makers' beam tables lie beside this file."""

import dataclasses
import json
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from gaitbridge.errors import UserError, nearest
from gaitbridge.geometry.projection import SUSTECH1K, Projection

# The Velodynes' firing sequences (53.3 and 55.296 us) times 3,600 degrees a second (10 Hz); the Ouster's 1,024 columns a turn.
AZIMUTH_STEPS_DEG = {"velodyne-vls128": 0.19188, "ouster-os1-128": 360 / 1024, "velodyne-vlp16": 0.1990656}
SENSORS = ("sustech1k", "sustech1k-beams", *AZIMUTH_STEPS_DEG)


@lru_cache(maxsize=1)
def beam_tables() -> dict[str, dict[str, Any]]:
    """By LiDAR: source, and elevations_deg, azimuth_offsets_deg, firing_us of its beams, in the maker's order."""
    found: dict[str, dict[str, Any]] = json.loads(resources.files(__package__).joinpath("beam_tables.json").read_text(encoding="utf-8"))
    return found


def is_name(given: str | Path) -> bool:
    """Whether a LiDAR is given by its maker's name, which leaves open how it was set, and not by a file or a dataset's own grid."""
    return str(given) in AZIMUTH_STEPS_DEG


def open_sensor(name: str | Path) -> Projection:
    """The projection `name` of SENSORS, or of a .json file whose keys are those of `Projection`; UserError for anything else.

    sustech1k: the dataset's published grid. sustech1k-beams: its clouds by the beam table of its LiDAR, finer where the beams are dense.
    """
    if str(name).lower().endswith(".json"):
        return _from_file(Path(name))
    if name not in SENSORS:
        raise UserError(f"unknown LiDAR {str(name)!r}: {nearest(str(name), SENSORS)} Or give a .json file that describes it.")
    if name == "sustech1k":
        return SUSTECH1K
    maker = "velodyne-vls128" if name == "sustech1k-beams" else str(name)
    beams = tuple(sorted(beam_tables()[maker]["elevations_deg"], reverse=True))
    axes = {"forward": SUSTECH1K.forward, "left": SUSTECH1K.left} if name == "sustech1k-beams" else {}
    return Projection(str(name), AZIMUTH_STEPS_DEG[maker], beams, **axes)  # type: ignore[arg-type]


def _from_file(path: Path) -> Projection:
    """The projection that a JSON file describes."""
    from pydantic import TypeAdapter, ValidationError

    if not path.is_file():
        raise UserError(f"{path} is missing: give a .json file that describes a LiDAR, or one of {', '.join(SENSORS)}")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no JSON ({error}): describe the LiDAR as {{\"azimuth_step_deg\": 0.2, \"elevations_deg\": [...]}}") from error
    if not isinstance(document, dict):
        raise UserError(f"{path} holds no JSON object: describe the LiDAR as {{\"azimuth_step_deg\": 0.2, \"elevations_deg\": [...]}}")
    known = [field.name for field in dataclasses.fields(Projection)]
    for key in document:
        if key not in known:
            raise UserError(f"{path}: no setting {key!r}: {nearest(key, known)}")
    try:
        return TypeAdapter(Projection).validate_python({"name": path.stem, **document})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{path}: {place + ': ' if place else ''}{first['msg'].removeprefix('Value error, ')}") from error
