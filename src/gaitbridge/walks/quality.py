"""How good a recorded walk is to recognise somebody by: is it a person, whole, alone, and do they walk?

Its parts are shares from 0 to 1, each a ramp between what no walker showed and what nearly all showed (docs/quality.md has the table); the score
is the least of them, as a chain holds no better than its weakest link. What cannot be known, such as steps in a third of a second, is None and
takes no part.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from gaitbridge.walks import FLOOR, figure, legs

MOST_FRAMES = 400  # looked at, in the middle of a longer walk
LEAST_FRAMES, LEAST_S = 6, 0.45  # to see legs part; of less only the figure is judged
ENOUGH_FRAMES = 8
NAMES = ("score", "solid", "whole", "legs", "steps", "presence")  # of the stored array, NaN where a part is unknown

WORDS = {
    "frames": "too few frames in which anything shows",
    "solid": "it is not one solid figure of a person's proportions",
    "whole": "it is cut off: head and feet are not in the picture",
    "legs": "its legs do not part and cross",
    "steps": "no step can be counted",
    "presence": "the people model sees no person in it",
}


@dataclass(frozen=True)
class Quality:
    """A walk judged. frames: those in which something shows; duration_s: None where there are no times; the parts as in `WORDS`; steps: counted."""

    frames: int
    duration_s: float | None
    solid: float | None
    whole: float | None
    legs: float | None
    steps: float | None
    presence: float | None
    score: float | None  # None where nothing of it can be judged, such as a drawn pose

    def array(self) -> np.ndarray:
        """As a store keeps it: float32 [6] of NAMES."""
        return np.array([np.nan if (value := getattr(self, name)) is None else value for name in NAMES], np.float32)

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(self).items()}


JUDGED = ("silhouettes", "range_views", "depth_pictures")  # modalities


def walk_quality(arrays: Mapping[str, np.ndarray], time_s: np.ndarray | None = None) -> Quality:
    """Judge a walk by its arrays by name (types.ARRAYS): `silhouettes`, else `range_views`, else `depth_pictures`; `presence` [T] counts where it is.

    time_s [T]: seconds, where known. Where none of these is among the arrays nothing is judged.
    """
    name = next((name for name in JUDGED if name in arrays), "")
    if not name:
        return Quality(0, None, None, None, None, None, None, None)
    first = max(0, (len(arrays[name]) - MOST_FRAMES) // 2)
    pictures = arrays[name][first : first + MOST_FRAMES]
    times = None if time_s is None else np.asarray(time_s, float)[first : first + MOST_FRAMES]
    masks = figure.person_in(name, pictures)
    shown = masks.any((1, 2)) if masks.size else np.zeros(len(masks), bool)
    masks, pictures, times = masks[shown], pictures[shown], None if times is None else times[shown]
    frames, duration = len(masks), None if times is None or not len(times) else float(times[-1] - times[0])
    if not frames:
        return Quality(0, duration, 0.0, 0.0, 0.0, 0.0, None, 0.0)
    lidar = name != "silhouettes"
    solid, whole = _solid(masks, pictures if name == "range_views" else None), _whole(masks, lidar)
    moves = counted = None
    if frames >= LEAST_FRAMES and (duration is None or duration >= LEAST_S):
        moves, counted = _legs(masks, lidar), legs.steps(masks, times)
    presence = float(np.median(arrays["presence"])) if len(arrays.get("presence", ())) else None
    judged = Quality(frames, duration, solid, whole, moves, counted, presence, None)
    return replace(judged, score=min(_links(judged).values()))


def _links(quality: Quality) -> dict[str, float]:
    """The parts that are known, each from 0 to 1: the score is the least."""
    links = {"frames": _ramp(quality.frames, 0.0, ENOUGH_FRAMES), "solid": quality.solid, "whole": quality.whole, "legs": quality.legs,
             "steps": None if quality.steps is None else _ramp(quality.steps, 0.3, 1.5),
             "presence": None if quality.presence is None else _ramp(quality.presence, 0.1, 0.6)}
    return {name: value for name, value in links.items() if value is not None}


def problem(quality: Quality, floor: float = FLOOR) -> str:
    """Why a walk falls below the floor, or nothing."""
    if quality.score is None or quality.score >= floor:
        return ""
    links = _links(quality)
    return f"its quality is {quality.score:.2f}, below {floor:g}: {WORDS[min(links, key=lambda name: links[name])]}"


def _ramp(value: float | np.ndarray, low: float, high: float) -> Any:
    """0 at `low`, 1 at `high`, which may be the lower one."""
    found = np.clip((value - low) / (high - low), 0.0, 1.0)
    return found if isinstance(value, np.ndarray) else float(found)


def _solid(masks: np.ndarray, ranges: np.ndarray | None) -> float:
    """One filled figure as stout as people are, with nobody beside it, and no deeper than one where ranges are known."""
    stout = figure.fill(masks)
    each = [_ramp(stout, 0.07, 0.11), _ramp(stout, 0.34, 0.26), _ramp(figure.stretches(masks), 3.0, 2.0),
            _ramp(figure.largest_piece(masks), 0.5, 0.85), _ramp(figure.beside(masks), 0.13, 0.06)]
    each += [] if ranges is None else [_ramp(figure.depth_m(ranges), 2.0, 1.3)]
    return float(np.median(np.min(each, axis=0)))


def _whole(masks: np.ndarray, lidar: bool) -> float:
    """Share of frames that end in feet."""
    return float(np.mean(_ramp(figure.soles(masks), *((0.34, 0.25) if lidar else (0.25, 0.17)))))


def _legs(masks: np.ndarray, lidar: bool) -> float:
    """Legs that change, more than the trunk does, by parting. A LiDAR has less noise, and from ahead it sees no gap between them."""
    changed, ratio = legs.leg_changes(masks)
    if lidar:
        return float(min(_ramp(changed, 0.06, 0.16), _ramp(ratio, 0.9, 1.4)))
    return float(min(_ramp(changed, 0.1, 0.3), _ramp(ratio, 0.9, 1.4), _ramp(legs.parting(masks), 0.1, 0.3)))
