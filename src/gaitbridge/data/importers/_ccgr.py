"""What CCGR and CCGR-MINI share: the names of covariates and views, and files of silhouettes, parsed bodies and poses that are found by a word."""

import re
from pathlib import Path
from typing import Any

from gaitbridge.data.importers._arrays import parsing, silhouettes
from gaitbridge.data.importers._dataset import Arrays, Reading, same_frames
from gaitbridge.data.importers._poses import POSE_FIELDS, poses
from gaitbridge.errors import UserError

LICENCE = "derived data CC BY-NC-ND 4.0 (Central South University); pictures by agreement"
CITATION = "Zou, Fan, Xiong, Shen, Yu, Tang: Cross-Covariate Gait Recognition: A Benchmark. AAAI 2024"
APPLY = "https://github.com/ShinanZou/CCGR"
FILES = "{180_a-sil.pkl, 180_a-par.pkl, 180_a-pose.pkl}, found by the words sil, par, pose"
FIELDS = ("silhouettes", "parsing", *POSE_FIELDS)
PARTS = {"sil": ("silhouettes",), "par": ("parsing",), "pose": POSE_FIELDS}


def named(kind: str, view: str) -> dict[str, Any]:
    """BGHV1 is condition BGHV, take 1; 67_5_2.avi is 67.5 degrees at the cameras of layer 2, `over` is from above."""
    found = re.fullmatch(r"([A-Z]+)(\d)", kind)
    if found is None:
        return {}
    seen = re.fullmatch(r"(\d+)(_5)?_([0-9a-z])", view.removesuffix(".avi"))
    where = {"view_deg": float(seen[1]) + (0.5 if seen[2] else 0.0), "camera": f"layer {seen[3]}"} if seen else {}
    return {"condition": found[1], "take": int(found[2]), **where}


def read(reading: Reading) -> Arrays:
    """All fields that are wanted and there; a missing file is a note, a sequence with none an error."""
    arrays: Arrays = {}
    lengths: dict[Path, int] = {}
    for word, fields in PARTS.items():
        if not reading.wants(*fields):
            continue
        fits = [path for path in reading.place.files() if path.suffix == ".pkl" and word in path.name]
        if len(fits) > 1:
            raise UserError(f"{fits[0].parent} has two files of {word} ({fits[0].name}, {fits[1].name}): leave the right one")
        if not fits:
            reading.note(f"sequences without {word}", reading.place.folders[0])
            continue
        made = _part(reading, word, fits[0])
        arrays |= {name: array for name, array in made.items() if reading.wants(name)}
        if made:
            lengths[fits[0]] = len(next(iter(made.values())))
    if not arrays:
        raise reading.missing("files", "names with sil, par or pose")
    same_frames(lengths)
    return arrays


def _part(reading: Reading, word: str, path: Path) -> Arrays:
    """The arrays of one file."""
    if word == "sil":
        return {"silhouettes": silhouettes(reading, path)}
    value = reading.value(path)
    if word == "par":
        return {"parsing": parsing(value, path)}
    try:
        return poses(reading, value, path)
    except UserError as error:  # what a pose's numbers are is not published
        reading.note("poses of a form that is not known, left out", error)
        return {}
