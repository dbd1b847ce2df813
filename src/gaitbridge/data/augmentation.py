"""Training pictures flipped, turned and tilted: one change a sequence, the same for all of its frames."""

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from gaitbridge.config import Config
from gaitbridge.errors import UserError

TILT = 10.0  # columns or rows by which a corner moves at most, of pictures 64 high


class AugmentationConfig(Config):
    """Shares of the sequences that are changed, each change drawn for itself (after the published settings of GaitBase: a fifth each)."""

    flip: float = Field(default=0.2, ge=0, le=1)
    """Left for right."""
    turn: float = Field(default=0.2, ge=0, le=1)
    """About the middle, by up to `degrees` either way."""
    tilt: float = Field(default=0.2, ge=0, le=1)
    """In perspective: each corner moves by up to ten pixels, seen in pictures 64 high."""
    degrees: float = Field(default=10.0, ge=0, le=90)
    """How far `turn` turns at most."""


def check_names(names: tuple[str, ...]) -> None:
    """UserError where an array is no picture of a camera: metres and body parameters do not turn with their pictures."""
    for name in names:
        if name not in ("silhouettes", "pose_heatmaps"):
            raise UserError(f"data.augmentation changes pictures of a camera, not {name}: set data.augmentation=null for this network")


def augmented(pictures: Mapping[str, np.ndarray], settings: AugmentationConfig, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Pictures uint8 [T, ..., H, W] of one sequence, by name, all changed alike by what is drawn from `random`; untouched where nothing is drawn."""
    (height, width) = next(iter(pictures.values())).shape[-2:]
    change = change_of(settings, random, height, width)
    if change is None:
        return dict(pictures)
    return {name: _changed(group, change) for name, group in pictures.items()}


def change_of(settings: AugmentationConfig, random: np.random.Generator, height: int, width: int) -> np.ndarray | None:
    """The homography float64 [3, 3] (from columns and rows to columns and rows), or None. As many numbers are drawn whatever comes out."""
    import cv2

    drawn = random.random(3)
    degrees, corners = random.uniform(-settings.degrees, settings.degrees), random.uniform(-1.0, 1.0, (4, 2)) * TILT * height / 64.0
    if not (drawn < (settings.flip, settings.turn, settings.tilt)).any():
        return None
    change = np.eye(3)
    if drawn[2] < settings.tilt:
        square = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float32)
        change = cv2.getPerspectiveTransform(square, (square + corners).astype(np.float32)) @ change
    if drawn[0] < settings.flip:
        change = np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]) @ change
    if drawn[1] < settings.turn:
        turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
        change = np.vstack([turn, [0.0, 0.0, 1.0]]) @ change
    return change


def _changed(pictures: np.ndarray, change: np.ndarray) -> np.ndarray:
    import cv2

    height, width = pictures.shape[-2:]
    frames = [cv2.warpPerspective(frame, change, (width, height), flags=cv2.INTER_LINEAR) for frame in pictures.reshape(-1, height, width)]
    return np.stack(frames).reshape(pictures.shape)
