"""What somebody looks like: the colours of their upper and lower half. Tells people apart within one film, while they wear what they wear."""

import cv2
import numpy as np

BINS = 5  # a colour


def colours(pixels: np.ndarray, box: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Square roots of the shares float32 [2, bins] of the colours in each half of a person: box [4], mask [h, w], picture uint8 [H, W, 3]."""
    top, left, bottom, right = (int(side) for side in box)
    part = pixels[top:bottom, left:right]
    middle = len(mask) // 2
    halves = []
    for rows in (slice(round(0.15 * len(mask)), middle), slice(middle, None)):
        counts = cv2.calcHist([part[rows]], [0, 1, 2], mask[rows].astype(np.uint8), [BINS] * 3, [0, 256] * 3)
        halves.append(np.asarray(counts, float).reshape(-1))
    counted = np.stack(halves)
    return np.sqrt(counted / np.maximum(counted.sum(1, keepdims=True), 1e-9)).astype(np.float32)


def unlike(one: np.ndarray, other: np.ndarray) -> float:
    """0 alike to 1 nothing in common: Hellinger distance, the mean of both halves."""
    return float(np.sqrt(np.clip(1.0 - (one * other).sum(1), 0.0, 1.0)).mean())
