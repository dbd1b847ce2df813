"""Measures of a walker's figure, frame by frame. Pure functions of aligned masks bool [T, H, W]: the person fills the H rows.

Lengths are parts of the height, so that 64 x 44, 64 x 64 and 128 x 88 pixels give the same numbers.
"""

import cv2
import numpy as np

HIGH = 64  # rows of the pictures on which the ramps of `quality` were measured
BETWEEN = (7, 3)  # rows and columns between a LiDAR's returns from one body
TRUNK = (0.2, 0.5)  # rows between the shoulders and the hips
SOLES = (0.94, 1.0)


def person_in(name: str, pictures: np.ndarray) -> np.ndarray:
    """Where the person is in pictures [T, ..., H, W] of a modality: bool [T, H, W], of about 64 rows, gaps between a LiDAR's beams closed."""
    if name == "silhouettes":
        masks = np.asarray(pictures) > 127
    else:
        seen: np.ndarray = np.asarray(np.isfinite(pictures) if name == "range_views" else (np.asarray(pictures) > 0).any(1))
        masks = np.zeros(seen.shape, np.bool_)
        for t, one in enumerate(seen):
            masks[t] = np.asarray(cv2.morphologyEx(one.astype(np.uint8), cv2.MORPH_CLOSE, np.ones(BETWEEN, np.uint8))) > 0
    step = round(masks.shape[1] / HIGH)
    return masks[:, step // 2 :: step, step // 2 :: step] if step > 1 else masks


def depth_m(ranges: np.ndarray) -> np.ndarray:
    """Metres [T] from the nearest to the farthest of range views [T, H, W], without the outermost twentieths."""
    return np.array([float(np.subtract(*np.nanquantile(one, (0.95, 0.05)))) for one in ranges])


def rows_of(masks: np.ndarray, part: tuple[float, float]) -> np.ndarray:
    """The rows of masks [T, H, W] that lie in a part of the height, one at least: a view."""
    height = masks.shape[1]
    first = min(round(part[0] * height), height - 1)
    return masks[:, first : max(round(part[1] * height), first + 1)]


def fill(masks: np.ndarray) -> np.ndarray:
    """Area over the height squared [T]."""
    return np.asarray(masks.sum((1, 2)) / masks.shape[1] ** 2)


def stretches(masks: np.ndarray) -> np.ndarray:
    """How many stretches of person a row has that shows any, on average [T]: one or two of a body, many of noise."""
    begins = masks & ~np.pad(masks, ((0, 0), (0, 0), (1, 0)))[:, :, :-1]
    return np.asarray(begins.sum((1, 2)) / np.maximum(masks.any(2).sum(1), 1))


def largest_piece(masks: np.ndarray) -> np.ndarray:
    """Share of the pixels that are of the largest piece [T]."""
    shares = np.empty(len(masks))
    for t, mask in enumerate(masks):
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
        sizes = stats[1:, cv2.CC_STAT_AREA]
        shares[t] = sizes.max() / sizes.sum() if len(sizes) else 0.0
    return shares


def beside(masks: np.ndarray) -> np.ndarray:
    """Width of what stands beside the trunk, apart from it [T]: the second widest stretch of its rows; an arm is 0.05, another person 0.2."""
    trunk = rows_of(masks, TRUNK)
    number = np.cumsum(trunk & ~np.pad(trunk, ((0, 0), (0, 0), (1, 0)))[:, :, :-1], axis=2)
    widths = np.sort(np.stack([(trunk & (number == k)).sum(2) for k in range(1, 5)], axis=-1), axis=-1)
    return np.asarray(widths[..., -2].mean(1) / masks.shape[1])


def soles(masks: np.ndarray) -> np.ndarray:
    """Width of the lowest rows [T]: two shoes are 0.05 to 0.17; of a body that is cut off they are a thigh's or the trunk's."""
    return np.asarray(rows_of(masks, SOLES).sum(2).mean(1) / masks.shape[1])
