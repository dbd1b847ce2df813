"""Moved, sheared and scaled at once, as the field's toolkit does it (RandomAffine): three corners come from and go to places of their own.

Each of the six places lies up to nine pixels from its corner either way, of pictures 64 high. The toolkit takes the height for the width and the
other way round when it says where the corners are, and so do we; of square pictures that is the same.
"""

from collections.abc import Mapping

import numpy as np

from gaitbridge.data.augmentations._warping import size_of, warped

PIXELS, HEIGHT = 10, 64  # fewer than ten pixels for every 64 of the height, rounded down


def augment(pictures: Mapping[str, np.ndarray], random: np.random.Generator) -> dict[str, np.ndarray]:
    """Pictures uint8 [T, ..., H, W] of one sequence by name; lower ones than 64 stay as they are."""
    height, width = size_of(pictures)
    change = change_of(random, height, width)
    return dict(pictures) if change is None else warped(pictures, change)


def change_of(random: np.random.Generator, height: int, width: int) -> np.ndarray | None:
    """The affine change as a homography float64 [3, 3], or None where pictures are too low."""
    import cv2

    reach = PIXELS * (height // HEIGHT)
    if not reach:
        return None
    inwards = np.array([[1, 1], [-1, 1], [1, -1]])
    corners = np.array([[0, 0], [height, 0], [0, width]])
    places = [(corners + inwards * random.integers(0, reach, (3, 2))).astype(np.float32) for _ in range(2)]
    return np.vstack([cv2.getAffineTransform(*places), [0.0, 0.0, 1.0]])
