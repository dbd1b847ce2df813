"""From which side a walker was seen, by how their box moves and grows. An estimate of one camera that nobody calibrated."""

import numpy as np

from gaitbridge.conventions import view_angle_deg

LEAST = 0.8  # body heights that they must have walked for a direction
WORST = 0.35  # of that way: how far from a straight line they may stray


def view_of_walk(boxes: np.ndarray, size: tuple[int, int], fov_deg: float) -> float:
    """The view angle in degrees (conventions.py) of boxes [T, 4] (top, left, bottom, right) in a picture of `size` (H, W); NaN if unclear.

    A body height is the unit: a person of h pixels is f / h of it away, f being the focal length of a lens that sees `fov_deg` across the
    picture. A straight line is laid through the places; steep cameras and people who bend make it wrong, so it is a label, not a measurement.
    """
    if len(boxes) < 4:
        return float("nan")
    focal = size[1] / 2 / np.tan(np.deg2rad(fov_deg) / 2)
    height = np.maximum(boxes[:, 2] - boxes[:, 0], 1.0)
    away = focal / height
    right = ((boxes[:, 1] + boxes[:, 3]) / 2 - size[1] / 2) / height
    places = np.stack([away, -right], axis=1)  # x away from the camera, y to the left: seen from above, as in the world
    when = np.linspace(-1.0, 1.0, len(places))
    line = np.polynomial.polynomial.polyfit(when, places, 1)  # [2, 2]
    way = 2.0 * line[1]
    stray = np.median(np.linalg.norm(places - np.polynomial.polynomial.polyval(when, line).T, axis=1))
    length = float(np.linalg.norm(way))
    if length < LEAST or stray > WORST * length:
        return float("nan")
    return view_angle_deg(way, -line[0])
