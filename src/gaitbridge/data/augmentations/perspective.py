"""In perspective, as the field's toolkit does it (RandomPerspective): stretched sideways, the top by another measure than the bottom.

Two points of the top edge and two of the bottom edge come to the corners; each lies up to ten columns from its corner, of pictures 44 wide.
"""

from collections.abc import Mapping

import numpy as np

from gaitbridge.data.augmentations._warping import size_of, warped

COLUMNS, WIDTH = 10, 44  # ten columns for every 44 of the width, rounded down


def augment(pictures: Mapping[str, np.ndarray], random: np.random.Generator) -> dict[str, np.ndarray]:
    """Pictures uint8 [T, ..., H, W] of one sequence by name; narrower ones than 44 stay as they are."""
    height, width = size_of(pictures)
    change = change_of(random, height, width)
    return dict(pictures) if change is None else warped(pictures, change)


def change_of(random: np.random.Generator, height: int, width: int) -> np.ndarray | None:
    """The homography float64 [3, 3], or None where pictures are too narrow."""
    import cv2

    reach = COLUMNS * (width // WIDTH)
    if not reach:
        return None
    left, right = random.integers(0, reach, 2), random.integers(width - reach, width, 2)  # of the top and of the bottom
    taken = np.array([[left[0], 0], [right[0], 0], [right[1], height], [left[1], height]], np.float32)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    change: np.ndarray = cv2.getPerspectiveTransform(taken, corners)
    return change
