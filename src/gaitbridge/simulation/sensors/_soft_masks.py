"""Masks as soft edges: blurred, moved by fields of signed offsets, and cropped again before they are cut, so that outlines stay smooth.

Legend: B masks (views x frames), H, W pixels of a silhouette, PAD pixels more on each side, in which an outline may grow; h, w with them;
K x L knots of a coarse grid over them.
"""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from gaitbridge.conventions import PERSON

PAD = 4
KNOTS = (10, 6)  # rows from the crown to the soles, columns from the left to the right
SLOPE = 1 / 3  # by how much the soft edge falls a pixel, across an edge that is straight
ROUND_PX = 2.2  # the standard deviation of the wide blur


def soft_edges(weights: np.ndarray, roundness: np.ndarray, blurred: float) -> np.ndarray:
    """Soft masks float32 [B, h, w], 0 to 1, of weights [B, H, W], 0 to 1.

    By the share `blurred` a blur over 5 x 5 pixels, and of that by the share `roundness` [B] a wide one, which loses thin parts and closes gaps;
    the rest is the mask as its pixels were read. Below a half, the mask alone decides where nothing is added.
    """
    count, height, width = weights.shape
    sixteenths = np.zeros((count, height + 2 * PAD, width + 2 * PAD), np.uint16)
    sixteenths[:, PAD:-PAD, PAD:-PAD] = weights if weights.dtype == bool else np.rint(weights * 16)
    if weights.dtype == bool:
        sixteenths *= 16
    exact = sixteenths.astype(np.float32)
    share = np.clip(np.asarray(roundness, np.float32), 0, 1)[:, None, None]
    kept = np.float32(blurred)
    soft = _narrow(sixteenths).astype(np.float32)
    soft *= (1 - share) * (kept / (81 * 16))
    down, right = _wide(exact.shape[1]), _wide(exact.shape[2])
    soft += (down @ (exact @ right)) * (share * (kept / 16))
    if kept < 1:
        soft += exact * ((1 - kept) / 16)
    return soft


def _narrow(values: np.ndarray) -> np.ndarray:
    """Sums over 5 x 5 pixels with weights 1 2 3 2 1: uint16 [B, h, w], zero beyond the rim; 81 of them at most 81 x 16."""
    for axis in (1, 2):
        found = 3 * values
        size = values.shape[axis]
        for step, weight in ((1, 2), (2, 1)):
            ahead = (slice(None),) * axis + (slice(step, size),)
            behind = (slice(None),) * axis + (slice(0, size - step),)
            part = values if weight == 1 else weight * values
            found[ahead] += part[behind]
            found[behind] += part[ahead]
        values = found
    return values


@lru_cache(maxsize=8)
def _wide(size: int) -> np.ndarray:
    """The matrix [size, size] of a Gaussian blur of ROUND_PX, symmetric, zero beyond the rim."""
    apart = np.subtract.outer(np.arange(size), np.arange(size))
    weights = np.exp(-0.5 * (apart / ROUND_PX) ** 2)
    found: np.ndarray = (weights / (ROUND_PX * np.sqrt(2 * np.pi))).astype(np.float32)
    return found


def spread(grid: np.ndarray, height: int, width: int) -> np.ndarray:
    """Fields float32 [..., h, w] of values at the knots [..., K, L], linear between them."""
    rows, columns = _between(height + 2 * PAD, grid.shape[-2]), _between(width + 2 * PAD, grid.shape[-1])
    found: np.ndarray = rows @ (grid.astype(np.float32) @ columns.T)
    return found


@lru_cache(maxsize=8)
def _between(size: int, knots: int) -> np.ndarray:
    """Weights float32 [size, knots]: knots lie evenly over the pixels without their padding; beyond them the last one holds."""
    where = np.clip((np.arange(size) - PAD) * (knots - 1) / (size - 2 * PAD - 1), 0, knots - 1)
    found: np.ndarray = np.maximum(0, 1 - np.abs(where[:, None] - np.arange(knots))).astype(np.float32)
    return found


def outlined(soft: np.ndarray, seen: np.ndarray, grids: Iterable[np.ndarray], jitter_px: np.ndarray) -> np.ndarray:
    """Silhouettes uint8 [B, H, W] of 0 and 255 of soft masks [B, h, w] whose outlines are moved by the sum of signed offsets in pixels.

    grids: offsets [B, K, L], each on knots of its own. seen bool [B]: the others stay empty. jitter_px [B, 3]: see `cropped`.
    """
    height, width = soft.shape[1] - 2 * PAD, soft.shape[2] - 2 * PAD
    field = soft - np.float32(0.5)
    for grid in grids:
        field += spread(grid * np.float32(SLOPE), height, width)
    np.minimum(field, soft - np.float32(0.02), out=field)  # nothing grows where nobody is near
    field[~seen] = -1
    return cropped(field, jitter_px)


def cropped(field: np.ndarray, jitter_px: np.ndarray) -> np.ndarray:
    """Aligned silhouettes uint8 [B, H, W] of 0 and 255 of what is above zero in fields float32 [B, h, w].

    Cropped to the rows in which something shows, centred on the column where half of it lies on each side, as a pipeline does that sees only
    the damaged mask; jitter_px [B, 3] of top, bottom and middle. The field is read between its pixels before it is cut.
    """
    height, width = field.shape[1:]
    shows = field > 0
    top, bottom = _ends(field.max(2))
    total = np.cumsum(shows.sum(1, dtype=np.int16), axis=1)
    half = total[:, -1:] / 2
    middle = (total <= half).sum(1)
    reached = np.take_along_axis(total, np.minimum(middle, width - 1)[:, None], 1)[:, 0]
    before = np.where(middle > 0, np.take_along_axis(total, np.maximum(middle - 1, 0)[:, None], 1)[:, 0], 0)
    middle = middle - 0.5 + (half[:, 0] - before) / np.maximum(reached - before, 1)
    top, bottom, middle = top + jitter_px[:, 0], bottom + jitter_px[:, 1], middle + jitter_px[:, 2]
    rows, columns = height - 2 * PAD, width - 2 * PAD
    step = np.maximum(bottom - top, 1.0) / rows
    down = top[:, None] + (np.arange(rows) + 0.5) * step[:, None]
    right = middle[:, None] + (np.arange(columns) - (columns // 2)) * step[:, None]
    read = _read(field, down, 1)
    read = _read(read, right, 2)
    found = np.where(read > 0, np.uint8(PERSON), np.uint8(0))
    found[~shows.any((1, 2))] = 0
    return found


def _ends(most: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where values [B, h] first rise above zero and where they last fall to it, between the pixels."""
    above, size = most > 0, most.shape[1]
    first, last = above.argmax(1), size - 1 - above[:, ::-1].argmax(1)
    each = np.arange(len(most))

    def share(inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
        at, beyond = most[each, inside], most[each, np.clip(outside, 0, size - 1)]
        found: np.ndarray = np.clip(at / np.maximum(at - beyond, 1e-6), 0, 1)
        return found

    return first - share(first, first - 1), last + share(last, last + 1)


def _read(field: np.ndarray, where: np.ndarray, axis: int) -> np.ndarray:
    """Values of fields [B, h, w] at places `where` [B, n] along an axis, linear between pixels; -1 beyond the rim."""
    size = field.shape[axis]
    low = np.floor(where).astype(np.intp)
    share = (where - low).astype(np.float32)
    beyond = (where < 0) | (where > size - 1)
    low = np.clip(low, 0, size - 2)
    each = np.arange(len(field))[:, None]
    if axis == 1:
        found = field[each, low]
        found += share[:, :, None] * (field[each, low + 1] - found)
        found[beyond] = -1
        return found
    weights = np.zeros((len(field), size, where.shape[1]), np.float32)
    number = np.arange(where.shape[1])[None]
    weights[each, low, number] = 1 - share
    weights[each, low + 1, number] = share
    found = field @ weights
    found -= beyond[:, None, :] * np.float32(10)
    return found


def in_time(random: np.random.Generator, shape: tuple[int, ...], frames: int, hold: float) -> np.ndarray:
    """Noise float32 [N, T, *shape] of unit variance, alike over `hold` frames; shape [N, ...]."""
    white = random.standard_normal((shape[0], frames, int(np.prod(shape[1:]))), dtype=np.float32)
    apart = np.abs(np.subtract.outer(np.arange(frames), np.arange(frames)))
    weights = np.exp(apart * (-2.0 / hold))
    weights = (weights / np.sqrt((weights**2).sum(1, keepdims=True))).astype(np.float32)
    found: np.ndarray = (weights @ white).reshape(shape[0], frames, *shape[1:])
    return found
