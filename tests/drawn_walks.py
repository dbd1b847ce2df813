"""Silhouettes drawn of walkers and of what is none, for tests that need to tell them apart: uint8 [T, H, W], aligned."""

from collections.abc import Callable

import cv2
import numpy as np

from gaitbridge.geometry.silhouette import align

RATE_HZ = 12.5
HIGH, WIDE = 300, 480


def times(frames: int) -> np.ndarray:
    """Seconds [T] of drawn frames."""
    return np.arange(frames) / RATE_HZ


def body(swing: float, lift: float = 0.0, frontal: bool = False, column: int = 240) -> np.ndarray:
    """A body of 240 pixels: bool [H, W]; swing: how far the legs are apart, of the height; lift: how far a foot is off the ground."""
    picture = np.zeros((HIGH, WIDE), np.uint8)

    def at(up: float, ahead: float) -> tuple[int, int]:
        return round(column + 240 * ahead), round(280 - 240 * up)

    for side in (1, -1):
        raised = 0.03 + max(0.0, side * lift)
        foot = side * 0.06 if frontal else side * swing
        cv2.line(picture, at(0.5, side * 0.045 if frontal else 0.0), at(raised, foot), 1, 17)
        cv2.line(picture, at(raised, foot), at(raised, foot + (side * 0.02 if frontal else 0.06)), 1, 9)
        cv2.line(picture, at(0.8, side * 0.1 if frontal else 0.0), at(0.48, side * 0.13 if frontal else -0.6 * side * swing), 1, 12)
    cv2.line(picture, at(0.8, 0), at(0.5, 0), 1, 48 if frontal else 38)
    cv2.circle(picture, at(0.93, 0), 15, 1, -1)
    return picture > 0


def aligned(masks: list[np.ndarray], size: tuple[int, int] = (64, 44)) -> np.ndarray:
    return np.stack([align(mask, size)[0] for mask in masks]) if masks else np.zeros((0, *size), np.uint8)


def walker(frames: int = 25, size: tuple[int, int] = (64, 44), frontal: bool = False, stride_s: float = 1.1) -> np.ndarray:
    """Somebody who walks past, or, frontal, up to the camera."""
    phases = 2 * np.pi * times(frames) / stride_s
    return aligned([body(0.2 * np.sin(phase), 0.13 * np.sin(phase) if frontal else 0.0, frontal) for phase in phases], size)


def standing(frames: int = 25) -> np.ndarray:
    return aligned([body(0.05)] * frames)


def half(frames: int = 25) -> np.ndarray:
    """The upper half of somebody who stands behind a counter."""
    return aligned([body(0.05)[:160]] * frames)


def left_half(frames: int = 25) -> np.ndarray:
    """Somebody who stands half behind a wall."""
    return aligned([body(0.05)[:, :240]] * frames)


def forearm(frames: int = 25, waving: float = 0.0) -> np.ndarray:
    """A forearm with its fist, upright; waving: by how many radians."""
    masks = []
    for phase in 2 * np.pi * times(frames):
        angle = waving * np.sin(phase)
        picture = np.zeros((HIGH, WIDE), np.uint8)
        along, across = np.array([np.sin(angle), -np.cos(angle)]), np.array([np.cos(angle), np.sin(angle)])
        elbow = np.array([240.0, 280.0])
        wrist = elbow + 180 * along
        corners = [elbow + 28 * across, wrist + 16 * across, wrist - 16 * across, elbow - 28 * across]
        cv2.fillPoly(picture, [np.round(corners).astype(np.int32)], 1)
        cv2.circle(picture, tuple(np.round(wrist + 22 * along).astype(int).tolist()), 26, 1, -1)
        masks.append(picture > 0)
    return aligned(masks)


def noise(frames: int = 25, share: float = 0.5) -> np.ndarray:
    return np.where(np.random.default_rng(3).random((frames, 64, 44)) < share, 255, 0).astype(np.uint8)


def black(frames: int = 25) -> np.ndarray:
    return np.zeros((frames, 64, 44), np.uint8)


def box(frames: int = 25) -> np.ndarray:
    """A car."""
    picture = np.zeros((HIGH, WIDE), bool)
    picture[180:270, 100:400] = picture[130:180, 150:340] = True
    return aligned([picture] * frames)


def bush(frames: int = 25) -> np.ndarray:
    """Ragged, and swaying in the wind."""
    random = np.random.default_rng(5)
    around = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    radius = 90 * (1 + 0.15 * random.standard_normal(60))
    masks = []
    for phase in 2 * np.pi * 0.6 * times(frames):
        picture = np.zeros((HIGH, WIDE), np.uint8)
        up, right = radius * np.cos(around), 0.8 * radius * np.sin(around)
        right = right + 0.1 * np.sin(phase) * (up + 90) + 3 * random.standard_normal(60)
        cv2.fillPoly(picture, [np.stack([240 + right, 150 - up], axis=1).astype(np.int32)], 1)
        masks.append(picture > 0)
    return aligned(masks)


def two_people(frames: int = 25) -> np.ndarray:
    """Side by side, in one silhouette."""
    phases = 2 * np.pi * times(frames) / 1.1
    return aligned([body(0.2 * np.sin(phase), column=200) | body(-0.2 * np.sin(phase), column=290) for phase in phases])


NOT_WALKS: dict[str, Callable[[], np.ndarray]] = {
    "black": black, "noise": noise, "forearm": forearm, "waving forearm": lambda: forearm(waving=0.4), "half of a standing man": half,
    "left half of a standing man": left_half, "standing man": standing, "box": box, "bush": bush, "two people": two_people,
}  # fmt: skip
