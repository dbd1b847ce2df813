"""LiDARs by name, or by a file: our own small JSON, an Ouster's metadata, a Hesai's angles. Makers' beam tables lie beside this file."""

import dataclasses
import json
import re
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from gaitbridge.errors import UserError, nearest
from gaitbridge.geometry.projection import SUSTECH1K, Projection

FILES = (".json", ".csv")  # endings of files that describe a LiDAR
WANTED = 'describe the LiDAR as {"azimuth_step_deg": 0.2, "elevations_deg": [...]}, or give the metadata that an Ouster writes'
HESAI_STEP_DEG = 0.2  # at 10 Hz, where no known model has as many beams; a capture measures it


@lru_cache(maxsize=1)
def beam_tables() -> dict[str, dict[str, Any]]:
    """By LiDAR: source, azimuth_step_deg (at 10 Hz; of an Ouster's 1,024 columns), and elevations_deg of its beams in the maker's order.

    For those that are simulated also azimuth_offsets_deg and firing_us. The Velodynes' steps are their firing sequences (53.3 and 55.296 us) times
    3,600 degrees a second.
    """
    found: dict[str, dict[str, Any]] = json.loads(resources.files(__package__).joinpath("beam_tables.json").read_text(encoding="utf-8"))
    return found


AZIMUTH_STEPS_DEG: dict[str, float] = {name: table["azimuth_step_deg"] for name, table in beam_tables().items()}
SENSORS = ("sustech1k", "sustech1k-beams", *sorted(AZIMUTH_STEPS_DEG))


def is_file(given: str | Path) -> bool:
    """Whether a LiDAR is given by a file."""
    return str(given).lower().endswith(FILES)


def has_open_step(given: str | Path) -> bool:
    """Whether the step between columns depends on how a LiDAR was set, which neither its maker's name nor a Hesai's angles tell."""
    return str(given) in AZIMUTH_STEPS_DEG or str(given).lower().endswith(".csv")


@lru_cache(maxsize=64)
def _table(name: str) -> Projection:
    """The projection of a maker's table."""
    beams = tuple(sorted(beam_tables()[name]["elevations_deg"], reverse=True))
    return Projection(name, AZIMUTH_STEPS_DEG[name], beams)


def open_sensor(name: str | Path) -> Projection:
    """The projection `name` of SENSORS, or of a file; UserError for anything else.

    sustech1k: the dataset's published grid. sustech1k-beams: its clouds by the beam table of its LiDAR, finer where the beams are dense. Files: a
    .json whose keys are those of `Projection`, or the metadata that an Ouster writes; a .csv of a Hesai's angles, as its maker's tools save it.
    """
    if is_file(name):
        return _from_csv(Path(name)) if str(name).lower().endswith(".csv") else _from_json(Path(name))
    if name == "sustech1k":
        return SUSTECH1K
    if name == "sustech1k-beams":
        return dataclasses.replace(_table("velodyne-vls128"), name=name, forward=SUSTECH1K.forward, left=SUSTECH1K.left)
    if name not in AZIMUTH_STEPS_DEG:
        raise UserError(f"unknown LiDAR {str(name)!r}: {nearest(str(name), SENSORS)} Or give a .json file that describes it, an Ouster's metadata, "
                        "or the .csv of a Hesai's angles.")  # fmt: skip
    return _table(str(name))


def _text(path: Path) -> str:
    """The text of a file that describes a LiDAR."""
    if not path.is_file():
        raise UserError(f"{path} is missing: give a file that describes a LiDAR, or one of {', '.join(SENSORS)}")
    try:
        return path.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise UserError(f"{path} cannot be read as text ({error}): {WANTED}") from error


def _from_json(path: Path) -> Projection:
    """The projection that a JSON file describes."""
    from pydantic import TypeAdapter, ValidationError

    try:
        document = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no JSON ({error}): {WANTED}") from error
    if not isinstance(document, dict):
        raise UserError(f"{path} holds no JSON object: {WANTED}")
    if (beams := _ouster_beams(document)) is not None:
        document = {"azimuth_step_deg": 360 / _ouster_columns(document, path), "elevations_deg": _falling(beams, path)}
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


def _falling(beams: list[Any], path: Path) -> list[float]:
    """Elevations of beams, degrees, from the highest down. Zeros of several beams are those that a smaller model has not."""
    if not all(isinstance(beam, int | float) and not isinstance(beam, bool) for beam in beams):
        raise UserError(f"{path}: its beam_altitude_angles are no list of degrees: only LiDARs that spin, whose beams sweep cones, can be described")
    found = [float(beam) for beam in beams]
    if found.count(0.0) > 1:
        found = [beam for beam in found if beam]
    if len(found) < 2 or len(set(found)) < len(found):
        raise UserError(f"{path}: it has {len(set(found))} different beams of {len(found)}: get the file from the LiDAR again")
    return sorted(found, reverse=True)


def _ouster_beams(document: dict[str, Any]) -> list[Any] | None:
    """The beams' elevations in an Ouster's metadata, of firmware 1.12 to 3; None where it is none."""
    held = document.get("beam_intrinsics")
    beams = (held if isinstance(held, dict) else document).get("beam_altitude_angles")
    return beams if isinstance(beams, list) else None


def _ouster_columns(document: dict[str, Any], path: Path) -> int:
    """Columns of a turn in an Ouster's metadata."""
    for part in ("lidar_data_format", "data_format"):
        held = document.get(part)
        if isinstance(held, dict) and isinstance(columns := held.get("columns_per_frame"), int) and 4 <= columns <= 65536:
            return columns
    for held in (document.get("config_params"), document):
        mode = re.fullmatch(r"(\d{3,5})x\d+", str(held.get("lidar_mode", ""))) if isinstance(held, dict) else None
        if mode:
            return int(mode[1])
    raise UserError(f"{path}: it does not say how many columns a turn has (columns_per_frame, or lidar_mode): get the metadata from the LiDAR again")


def _from_csv(path: Path) -> Projection:
    """The projection by a Hesai's angles: a line a beam, its number, elevation and azimuth. The step is that of a model with as many beams."""
    lines = [line.split(",") for line in _text(path).splitlines() if line.strip()]
    column = next((number for number, word in enumerate(lines[0]) if word.strip().lower().startswith("elevation")), None) if lines else None
    if column is None:
        raise UserError(f"{path}: its first line has no column Elevation: give the .csv of a Hesai's angles (Channel,Elevation,Azimuth)")
    try:
        beams: list[Any] = [float(line[column]) for line in lines[1:] if len(line) > column and line[column].strip()]
        kind = next((name for name, table in beam_tables().items() if name.startswith("hesai") and len(table["elevations_deg"]) == len(beams)), None)
        return Projection(path.stem, AZIMUTH_STEPS_DEG[kind] if kind else HESAI_STEP_DEG, tuple(_falling(beams, path)))
    except ValueError as error:
        raise UserError(f"{path}: it is no table of a Hesai's angles ({error}): get it from the LiDAR's page again") from error
