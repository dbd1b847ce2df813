"""Pictures warped by one homography, the same for all frames and all channels."""

from collections.abc import Mapping

import numpy as np


def warped(pictures: Mapping[str, np.ndarray], change: np.ndarray) -> dict[str, np.ndarray]:
    """Pictures uint8 [T, ..., H, W] by name, each frame by `change` [3, 3] (from columns and rows to columns and rows); 0 where nothing was."""
    return {name: _warped(group, change) for name, group in pictures.items()}


def size_of(pictures: Mapping[str, np.ndarray]) -> tuple[int, int]:
    """Height and width, the same of all."""
    height, width = next(iter(pictures.values())).shape[-2:]
    return int(height), int(width)


def _warped(pictures: np.ndarray, change: np.ndarray) -> np.ndarray:
    import cv2

    height, width = pictures.shape[-2:]
    frames = [cv2.warpPerspective(frame, change, (width, height), flags=cv2.INTER_LINEAR) for frame in pictures.reshape(-1, height, width)]
    return np.stack(frames).reshape(pictures.shape)
