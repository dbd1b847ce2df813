"""Squares of pictures that a network looks at, and what it says of them back on the picture's grid, to parts of a pixel."""

import cv2
import numpy as np


def square_about(box: np.ndarray, times: float) -> np.ndarray:
    """A square about a box [4]: top, left and side float [3], the side `times` its longer one."""
    side = times * max(box[2] - box[0], box[3] - box[1], 1.0)
    return np.array([(box[0] + box[2] - side) / 2, (box[1] + box[3] - side) / 2, side])


def cut(pixels: np.ndarray, square: np.ndarray, side: int) -> np.ndarray:
    """A square [3] of a picture uint8 [H, W, 3] (blue, green, red) as float32 [side, side, 3], red green blue, 0 to 1; black beyond the picture.

    Each pixel is taken where it lies, between those of the picture; where several fall on one, the picture is first made smaller by areas.
    """
    top, left, length = square
    fold = max(1, int(length / side))  # pixels of the picture that are averaged, each way
    first = np.floor(np.array([top, left])).astype(int)
    count = int(np.ceil(length)) + 2
    count += -count % fold
    part = _padded(pixels, first, count)
    if fold > 1:
        part = cv2.resize(part, (count // fold, count // fold), interpolation=cv2.INTER_AREA)
    scale = length / side / fold
    shift = (np.array([left, top]) - first[::-1]) / fold + scale / 2 - 0.5
    matrix = np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]])
    found = cv2.warpAffine(part, matrix, (side, side), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_CONSTANT)
    return np.divide(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), np.float32(255), dtype=np.float32)


def _padded(pixels: np.ndarray, first: np.ndarray, count: int) -> np.ndarray:
    """`count` rows and columns of a picture from `first` [2] on, zero beyond it; no copy where all are in it."""
    if (first >= 0).all() and (first + count <= pixels.shape[:2]).all():
        return pixels[first[0] : first[0] + count, first[1] : first[1] + count]
    part = np.zeros((count, count, 3), np.uint8)
    low, high = np.maximum(first, 0), np.minimum(first + count, pixels.shape[:2])
    if (high > low).all():
        into = low - first
        part[into[0] : into[0] + high[0] - low[0], into[1] : into[1] + high[1] - low[1]] = pixels[low[0] : high[0], low[1] : high[1]]
    return part


def placed(logits: np.ndarray, square: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, tuple[int, int]]:
    """A mask's logits [S, S] over a square [3] on the grid of a picture [H, W]: chances float32 [h, w] and the (row, column) where they begin."""
    top, left, length = square
    low = np.clip(np.floor([top, left]).astype(int), 0, shape[:2])
    high = np.clip(np.ceil([top + length, left + length]).astype(int), 0, shape[:2])
    high = np.maximum(high, low)
    if (high == low).any():
        return np.zeros((0, 0), np.float32), (int(low[0]), int(low[1]))
    scale = len(logits) / length
    shift = (low[::-1] - np.array([left, top]) + 0.5) * scale - 0.5
    matrix = np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]])
    size = (int(high[1] - low[1]), int(high[0] - low[0]))
    smooth = logits
    if scale > 1.5:  # a small person: the mask is finer than the picture; by a Gaussian, as a box of an even size would shift it
        smooth = cv2.GaussianBlur(logits, (0, 0), 0.35 * scale, borderType=cv2.BORDER_REPLICATE)
    spread = cv2.warpAffine(smooth, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE)
    chance = np.clip(spread, -30, 30, dtype=np.float32)
    np.exp(np.negative(chance, out=chance), out=chance)  # in place: large arrays are slow to come by
    return np.reciprocal(np.add(chance, 1, out=chance), out=chance), (int(low[0]), int(low[1]))
