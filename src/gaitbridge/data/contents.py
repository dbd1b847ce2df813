"""What the arrays that networks take may hold: what an importer reads from a file and what somebody hands to `embed` are judged alike.

A network would embed a mask of 0 and 1 or ranges in millimetres without a word, as something else.
"""

from collections.abc import Callable

import numpy as np

from gaitbridge import clouds
from gaitbridge.conventions import PARSING_LABELS
from gaitbridge.store import RANGE_UNIT_M

FARTHEST_M = 65535 * RANGE_UNIT_M  # what the store holds
CAMERA_COLUMNS = 3  # of SMPL: they may be unknown


def content_problem(name: str, array: np.ndarray) -> str:
    """What is wrong with the values of an array of the name `name` in types.ARRAYS, of right type and axes; nothing where they are right.

    A frame in which nothing shows is right, a walk in which nothing shows is not.
    """
    return _CHECKS[name](array) if len(array) else ""  # no frames, or no points: said by who needs some


def _bytes(array: np.ndarray) -> str:
    """uint8, 0 to 255."""
    highest = int(array.max(initial=0))
    if highest == 0:
        return f"has no pixel in any of its {len(array)} frames: nothing shows in it, leave it out"
    if highest == 1:
        return "holds 0 and 1, not 0 to 255: multiply it by 255"
    return ""


def _metres(array: np.ndarray) -> str:
    """Ranges in metres, NaN where nothing came back."""
    if np.isinf(array).any():
        return "holds infinity: put NaN where nothing came back"
    nearest, farthest = float(np.fmin.reduce(array, axis=None)), float(np.fmax.reduce(array, axis=None))  # NaN only where all are
    if np.isnan(nearest):
        return f"has no range in any of its {len(array)} frames: nothing came back, leave it out"
    if nearest < 0:
        return f"holds ranges below 0 (down to {nearest:g}): it takes metres, and NaN where nothing came back"
    if nearest == 0:
        return "holds ranges of 0: put NaN where nothing came back"
    return too_far(farthest)


def too_far(farthest: float) -> str:
    """What is wrong where the farthest range is so many metres, or nothing."""
    return f"holds ranges up to {farthest:.0f} m, more than {FARTHEST_M:.0f} (are they in metres?)" if farthest > FARTHEST_M else ""


def _body(array: np.ndarray) -> str:
    """SMPL parameters: a camera that may be unknown, pose and shape."""
    if not np.isfinite(array[:, CAMERA_COLUMNS:]).all():
        return "holds a pose or shape that is not finite: leave those frames out"
    return ""


def _joints(array: np.ndarray) -> str:
    """Skeletons in pixels; a joint that was not found is zero."""
    if not np.isfinite(array).all():
        return "holds values that are not finite: put 0 for column, row and score of a joint that was not found"
    if not array.any():
        return f"has no joint in any of its {len(array)} frames: nothing shows in it, leave it out"
    if float(array[..., 2].min()) < 0:
        return "holds scores below 0: the last axis is column, row, score"
    return ""


def _labels(array: np.ndarray) -> str:
    """Body parts of pixels, 0 to 11."""
    highest = int(array.max(initial=0))
    if highest == 0:
        return f"has no pixel of a person in any of its {len(array)} frames: nothing shows in it, leave it out"
    if highest >= len(PARSING_LABELS):
        return f"holds labels up to {highest}, not 0 to {len(PARSING_LABELS) - 1}: {', '.join(PARSING_LABELS[:3])} and so on, not grey levels"
    return ""


def _points(array: np.ndarray) -> str:
    """Points [P, 5] in metres, each of a frame."""
    places, numbers = array[:, :3], array[:, clouds.FRAME]
    if not np.isfinite(places).all():
        return "holds points that are not finite: leave those out"
    if not (np.isfinite(numbers).all() and (numbers >= 0).all() and (numbers == np.rint(numbers)).all() and numbers.max() < clouds.MOST_FRAMES):
        return f"holds frame numbers (its last column) that are not whole numbers from 0 to {clouds.MOST_FRAMES:,}"
    return too_far(float(np.abs(places).max()))


_CHECKS: dict[str, Callable[[np.ndarray], str]] = {
    "silhouettes": _bytes, "range_views": _metres, "depth_pictures": _bytes, "pose_heatmaps": _bytes, "smpl": _body,
    "skeletons": _joints, "parsing": _labels, "points": _points,
}  # fmt: skip
