"""Pictures warped by one homography, the same for all frames and all channels.

A pixel of a parsed body has the label of the nearest one, never a mean of labels, which would be another part of the body; in a mirror image left
limbs are right ones.
"""

from collections.abc import Mapping

import numpy as np

from gaitbridge.conventions import PARSING, PARSING_MIRRORED


def warped(pictures: Mapping[str, np.ndarray], change: np.ndarray) -> dict[str, np.ndarray]:
    """Pictures uint8 [T, ..., H, W] by name, each frame by `change` [3, 3] (from columns and rows to columns and rows); 0 where nothing was."""
    return {name: _warped_labels(group, change) if name == PARSING else _warped(group, change) for name, group in pictures.items()}


def size_of(pictures: Mapping[str, np.ndarray]) -> tuple[int, int]:
    """Height and width, the same of all."""
    height, width = next(iter(pictures.values())).shape[-2:]
    return int(height), int(width)


def _warped(pictures: np.ndarray, change: np.ndarray, nearest: bool = False) -> np.ndarray:
    import cv2

    height, width = pictures.shape[-2:]
    how = cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR
    frames = [cv2.warpPerspective(frame, change, (width, height), flags=how) for frame in pictures.reshape(-1, height, width)]
    return np.stack(frames).reshape(pictures.shape)


def _warped_labels(labels: np.ndarray, change: np.ndarray) -> np.ndarray:
    found = _warped(labels, change, nearest=True)
    return np.asarray(PARSING_MIRRORED, np.uint8)[found] if np.linalg.det(change) < 0 else found
