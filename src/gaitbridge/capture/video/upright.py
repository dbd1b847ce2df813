"""Pictures as they are meant to be seen: the display matrix of telephones and cameras, which turn a picture, mirror it, or both."""

from typing import Any

import numpy as np


def display_matrix(frame: Any) -> np.ndarray:
    """How a decoded frame is to be shown: whole numbers [2, 2] that lead from across and down in its pixels to across and down as shown.

    One of the eight that turn by quarters and mirror, the nearest to what the file says; the identity where it says nothing, or nothing of sense.
    """
    held = next((bytes(side) for side in frame.side_data if side.type.name == "DISPLAYMATRIX"), b"")
    if len(held) != 36:
        return np.eye(2, dtype=int)
    given = np.frombuffer(held, "=i4").reshape(3, 3)[:2, :2].T.astype(float)  # x' = a x + c y, y' = b x + d y
    turned = bool(abs(given[0, 1] * given[1, 0]) > abs(given[0, 0] * given[1, 1]))
    nearest = np.sign(np.where(np.eye(2) == (not turned), given, 0.0)).astype(int)
    return nearest if abs(np.linalg.det(nearest)) == 1 else np.eye(2, dtype=int)


def shown(pixels: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Pixels [H, W, C] by a matrix of `display_matrix`: turned pictures are [W, H, C]."""
    if matrix[0, 0] == 0:
        pixels, matrix = pixels.transpose(1, 0, 2), matrix[:, ::-1]
    return np.ascontiguousarray(pixels[:: matrix[1, 1], :: matrix[0, 0]])
