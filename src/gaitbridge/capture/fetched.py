"""Models of others that the user fetches, on request alone: what is known, where it is kept, whether it is whole.

    FOLDER/people/      GAITBRIDGE_MODELS, or `gaitbridge/models` in the user's cache
      *.tflite          as their makers made them: opened only where their SHA-256 is the one in this file
      LICENSE           the makers'
      about.json        from where, when, which hashes; written last
"""

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from gaitbridge.errors import UserError, nearest

ABOUT, LICENCE = "about.json", "LICENSE"
PLACE = "GAITBRIDGE_MODELS"


@dataclass(frozen=True)
class File:
    """A file of a model: its name, where it lies in its makers' package, its bytes and their SHA-256."""

    name: str
    member: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Known:
    """A model that can be fetched: what it is, out of which package of PyPI, under which licence, and what its makers say that it is not for."""

    name: str
    what: str
    package: str
    version: str
    package_bytes: int
    licence: str
    makers: str
    note: str
    files: tuple[File, ...]


KNOWN = {
    "people": Known(
        name="people", what="masks and poses of people (BlazePose: pose_landmark_full, pose_detection)", package="mediapipe", version="0.10.21",
        package_bytes=35_622_638, licence="Apache-2.0", makers="The MediaPipe Authors",
        note="Its makers' model card says that identification and surveillance are outside of what they made it for: whether you may and should "
             "use it so is for you to decide. Nothing uses it where it was not fetched.",
        files=(
            File("pose_landmark_full.tflite", "mediapipe/modules/pose_landmark/pose_landmark_full.tflite", 6_440_512,
                 "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f"),
            File("pose_detection.tflite", "mediapipe/modules/pose_detection/pose_detection.tflite", 2_959_046,
                 "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c"),
        ),
    ),
}  # fmt: skip


def known(name: str) -> Known:
    """The model of a name; UserError where there is none."""
    if name not in KNOWN:
        raise UserError(f"no model {name!r} to fetch: {nearest(name, KNOWN)}")
    return KNOWN[name]


def models_folder() -> Path:
    """Where fetched models are kept: what GAITBRIDGE_MODELS names, or a folder of the user's cache."""
    if named := os.environ.get(PLACE):
        return Path(named)
    home = Path.home()
    if sys.platform == "darwin":
        cache = home / "Library" / "Caches"
    elif sys.platform == "win32":
        cache = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    else:
        given = Path(os.environ.get("XDG_CACHE_HOME") or "")
        cache = given if given.is_absolute() else home / ".cache"  # as the XDG specification says
    return cache / "gaitbridge" / "models"


def is_fetched(name: str, folder: Path | None = None) -> bool:
    """Whether a model was fetched; not whether its files are still whole, which `opened` sees to."""
    return ((folder or models_folder()) / known(name).name / ABOUT).is_file()


def opened(name: str, folder: Path | None = None) -> dict[str, tuple[Path, bytes]]:
    """The files of a fetched model by name: path and bytes, whose SHA-256 was checked. UserError where it is not fetched, or damaged."""
    place = (folder or models_folder()) / known(name).name
    if not is_fetched(name, folder):
        raise UserError(f"the model {name!r} is not fetched (nothing in {place}): gaitbridge models get {name}")
    return {file.name: (place / file.name, _read(place / file.name, file)) for file in known(name).files}


def _read(path: Path, file: File) -> bytes:
    """A file's bytes, as its makers made them."""
    again = f"gaitbridge models get {path.parent.name} fetches it again"
    try:
        if path.stat().st_size != file.bytes:
            raise UserError(f"{path} has {path.stat().st_size:,} bytes instead of {file.bytes:,}: it is damaged, or another's; {again}")
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}): {again}") from error
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise UserError(f"{path} is not as its makers made it (its SHA-256 differs): it is damaged, or another's; {again}")
    return content
