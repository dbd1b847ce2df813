"""Labels drawn by hand on real film: boxes with identities, masks. Read from labels/*.json; README.md says how they were made.

    labels/CLIP.json         height, width, frames, rate_hz, every, columns, people: {name: {looks, boxes: [a row of `columns`]}}
    labels/CLIP_masks.json   [{person, frame, top, left, height, width, bits}]: bits is base64 of zlib of the mask's bits, row by row

Boxes are top, left, bottom, right in the clip's own pixels, counted from the corner of the picture: half-open, so that a person of rows 10 to 19
has top 10 and bottom 20. They hold the whole body: what is hidden is estimated, what lies beyond the picture is left out.
"""

import base64
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from typing_extensions import TypedDict

from gaitbridge.documents import read_document

FOLDER = Path(__file__).parent / "labels"
WHOLE = 0.05  # hidden at most, of the body
TALL_PX = 58.0  # below, the legs of a walker are a few pixels
_REMEDY = "get it from the repository again"


@dataclass(frozen=True)
class Box:
    """One person in one frame. box [4]; hidden: share of the body behind something; cut: by the picture's border; walking: legs move."""

    person: str
    frame: int
    box: np.ndarray
    hidden: float = 0.0
    cut: bool = False
    walking: bool = True

    @property
    def whole(self) -> bool:
        """Whether all of the body shows."""
        return self.hidden <= WHOLE and not self.cut

    @property
    def wanted(self) -> bool:
        """Whether a capture should keep this frame: a whole person who walks and is tall enough."""
        return self.whole and self.walking and float(self.box[2] - self.box[0]) > TALL_PX


@dataclass(frozen=True)
class Mask:
    """One person's outline. top, left: of `mask` bool [h, w] in the picture."""

    person: str
    frame: int
    top: int
    left: int
    mask: np.ndarray


@dataclass(frozen=True)
class Film:
    """The labels of a clip. labelled: the numbers of the frames in which every person has a box."""

    clip: str
    size: tuple[int, int]  # height, width
    frames: int
    rate_hz: float
    labelled: list[int]
    boxes: list[Box]
    masks: list[Mask]


class _Person(TypedDict):
    looks: str
    boxes: list[list[float]]


class _Boxes(TypedDict):
    height: int
    width: int
    frames: int
    rate_hz: float
    every: int
    people: dict[str, _Person]


class _Mask(TypedDict):
    person: str
    frame: int
    top: int
    left: int
    height: int
    width: int
    bits: str


def labelled_clips() -> list[str]:
    """The names of the clips that have labels."""
    return sorted(path.stem for path in FOLDER.glob("*.json") if not path.stem.endswith("_masks"))


def read_film(clip: str, folder: Path = FOLDER) -> Film:
    """The labels of a clip. StoreError where they are damaged."""
    held = read_document(folder / f"{clip}.json", _Boxes, _REMEDY)
    boxes = [Box(person, int(row[0]), np.array(row[1:5], float), float(row[5]), bool(row[6]), bool(row[7]))
             for person, one in held["people"].items() for row in one["boxes"]]
    path = folder / f"{clip}_masks.json"
    masks = [unpacked(one) for one in read_document(path, list[_Mask], _REMEDY)] if path.exists() else []
    return Film(clip, (held["height"], held["width"]), held["frames"], held["rate_hz"], list(range(0, held["frames"], held["every"])), boxes, masks)


def packed(mask: Mask) -> dict[str, Any]:
    """A mask as it stands in a file."""
    bits = base64.b64encode(zlib.compress(np.packbits(mask.mask).tobytes(), 9)).decode()
    height, width = mask.mask.shape
    return {"person": mask.person, "frame": mask.frame, "top": mask.top, "left": mask.left, "height": height, "width": width, "bits": bits}


def unpacked(held: _Mask) -> Mask:
    """A mask from how it stands in a file."""
    shape = held["height"], held["width"]
    bits = np.unpackbits(np.frombuffer(zlib.decompress(base64.b64decode(held["bits"])), np.uint8), count=shape[0] * shape[1])
    return Mask(held["person"], held["frame"], held["top"], held["left"], bits.reshape(shape) > 0)
