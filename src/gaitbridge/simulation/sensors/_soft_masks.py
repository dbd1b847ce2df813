"""Masks as soft edges: blurred, moved by fields of signed offsets, and cropped again before they are cut, so that outlines stay smooth.

Legend: B masks (views x frames), H, W pixels of a silhouette, PAD pixels more on each side, in which an outline may grow; h, w with them;
K x L knots of a coarse grid over them.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from gaitbridge.conventions import PERSON

PAD = 3
KNOTS = (10, 6)  # rows from the crown to the soles, columns from the left to the right
AT_ONCE = 40  # masks, which a processor's cache holds
SLOPE = 1 / 3  # by how much the soft edge falls a pixel, across an edge that is straight
ROUND_PX = 2.2  # the standard deviation of the wide blur


def soft_edges(weights: np.ndarray, roundness: float, blurred: float) -> np.ndarray:
    """Soft masks float32 [B, h, w], 0 to 1, of weights [B, H, W], 0 to 1; nothing at all two pixels and more away from the person.

    By the share `blurred` a blur over 5 x 5 pixels, and of that by the share `roundness` a wide one, which loses thin parts and closes gaps;
    the rest is the mask as its pixels were read. With little blur the mask alone decides where nothing is added.
    """
    count, height, width = weights.shape
    sixteenths = np.zeros((count, height + 2 * PAD, width + 2 * PAD), np.uint16)
    sixteenths[:, PAD:-PAD, PAD:-PAD] = weights if weights.dtype == bool else np.rint(weights * 16)
    if weights.dtype == bool:
        sixteenths <<= 4
    exact, narrow = sixteenths.astype(np.float32), _narrow(sixteenths)
    right, down = _wide(exact.shape[2]), _wide(exact.shape[1])
    soft: np.ndarray = down @ (exact.reshape(-1, len(right)) @ right).reshape(exact.shape)
    soft *= np.float32(blurred * roundness / 16)
    exact *= np.float32((1 - blurred) / 16)
    soft += exact
    np.multiply(narrow, np.float32(blurred * (1 - roundness) / (81 * 16)), out=exact)
    soft += exact
    soft *= narrow > 0
    return soft


def _narrow(values: np.ndarray) -> np.ndarray:
    """Sums over 5 x 5 pixels with weights 1 2 3 2 1: uint16 [B, h, w] of at most 81 x 16.

    All pixels in one row: what is moved beyond a rim comes into the next line or mask, where the padding is empty.
    """
    flat = values.ravel()
    for pixels in (1, values.shape[2]):
        found, twice = 3 * flat, 2 * flat
        for part, steps in ((twice, pixels), (flat, 2 * pixels)):
            found[steps:] += part[:-steps]
            found[:-steps] += part[steps:]
        flat = found
    return flat.reshape(values.shape)


@lru_cache(maxsize=8)
def _wide(size: int) -> np.ndarray:
    """The matrix [size, size] of a Gaussian blur of ROUND_PX, symmetric, zero beyond the rim."""
    apart = np.subtract.outer(np.arange(size), np.arange(size))
    weights = np.exp(-0.5 * (apart / ROUND_PX) ** 2)
    weights[weights < 1e-4] = 0  # numbers near the smallest there are take a processor many times as long
    found: np.ndarray = (weights / (ROUND_PX * np.sqrt(2 * np.pi))).astype(np.float32)
    return found


def spread(grid: np.ndarray, height: int, width: int) -> np.ndarray:
    """Fields float32 [..., h, w] of values at the knots [..., K, L], linear between them."""
    rows, columns = _between(height + 2 * PAD, grid.shape[-2]), _between(width + 2 * PAD, grid.shape[-1])
    across = grid.reshape(-1, grid.shape[-1]).astype(np.float32) @ columns.T
    found: np.ndarray = rows @ across.reshape(*grid.shape[:-1], -1)
    return found


@lru_cache(maxsize=8)
def _between(size: int, knots: int) -> np.ndarray:
    """Weights float32 [size, knots]: knots lie evenly over the pixels without their padding; beyond them the last one holds."""
    where = np.clip((np.arange(size) - PAD) * (knots - 1) / (size - 2 * PAD - 1), 0, knots - 1)
    found: np.ndarray = np.maximum(0, 1 - np.abs(where[:, None] - np.arange(knots))).astype(np.float32)
    return found


def outlined(
    weights: np.ndarray, roundness: float, blurred: float, grids: Sequence[np.ndarray], jitter_px: np.ndarray, seen: np.ndarray
) -> np.ndarray:
    """Silhouettes uint8 [B, H, W] of 0 and 255 of weights [B, H, W] made soft, their outlines moved by the sum of signed offsets in pixels.

    grids: offsets [B, K, L], each on knots of its own. jitter_px [B, 3]: see `cropped`. seen bool [B]: the others stay empty.
    """
    found = np.empty(weights.shape, np.uint8)
    for start in range(0, len(weights), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        soft = soft_edges(weights[part], roundness, blurred)
        nobody = (soft <= 0) | ~seen[part, None, None]
        soft -= np.float32(0.5)
        for grid in grids:
            soft += spread(grid[part] * np.float32(SLOPE), *weights.shape[1:])
        np.copyto(soft, np.float32(-0.5), where=nobody)  # nothing grows where nobody is near
        found[part] = cropped(soft, jitter_px[part])
    return found


def cropped(field: np.ndarray, jitter_px: np.ndarray) -> np.ndarray:
    """Aligned silhouettes uint8 [B, H, W] of 0 and 255 of what is above zero in fields float32 [B, h, w].

    Cropped to the rows in which something shows, centred on the column where half of it lies on each side, as a pipeline does that sees only
    the damaged mask; jitter_px [B, 3] of top, bottom and middle. The field is read between its pixels before it is cut.
    """
    height, width = field.shape[1:]
    shows = field > 0
    (top, bottom), middle = _ends(field, np.asarray(shows.any(2))), _middle(shows)
    top, bottom, middle = top + jitter_px[:, 0], bottom + jitter_px[:, 1], middle + jitter_px[:, 2]
    rows, columns = height - 2 * PAD, width - 2 * PAD
    step = np.maximum(bottom - top, 1.0) / rows
    low, share = _places(top[:, None] + (np.arange(rows) + 0.5) * step[:, None], height)
    line = field.reshape(-1, width)
    first = low + np.arange(len(field))[:, None] * height
    read = line.take(first, 0)
    read += share[:, :, None] * (line.take(first + 1, 0) - read)
    low, share = _places(middle[:, None] + (np.arange(columns) - columns // 2) * step[:, None], width)
    weights = np.zeros((len(field), width, columns), np.float32)
    each, number = np.arange(len(field))[:, None], np.arange(columns)
    weights[each, low, number], weights[each, low + 1, number] = 1 - share, share
    found: np.ndarray = (read @ weights > 0).view(np.uint8) * np.uint8(PERSON)
    return found


def _places(where: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The pixels [B, n] before places and how far these lie towards the next ones; the rim, which is empty, for places beyond it."""
    where = np.clip(where, 0, size - 1.001)
    low = where.astype(np.intp)
    return low, (where - low).astype(np.float32)


def _ends(field: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where fields [B, h, w] first rise above zero and where they last fall to it, between the rows; rows bool [B, h]: those with something in it."""
    size, each = rows.shape[1], np.arange(len(rows))
    first, last = rows.argmax(1), size - 1 - rows[:, ::-1].argmax(1)

    def share(inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
        at, beyond = (field[each, np.clip(row, 0, size - 1)].max(1) for row in (inside, outside))
        found: np.ndarray = np.clip(at / np.maximum(at - beyond, 1e-6), 0, 1)
        return found

    return first - share(first, first - 1), last + share(last, last + 1)


def _middle(shows: np.ndarray) -> np.ndarray:
    """The column at which half of bool [B, h, w] lies on each side, between the pixels [B]."""
    total = np.cumsum(shows.sum(1, dtype=np.int16), axis=1)
    half = total[:, -1:] / 2
    column = np.minimum((total <= half).sum(1), shows.shape[2] - 1)[:, None]
    reached, before = (np.take_along_axis(total, np.maximum(at, 0), 1)[:, 0] for at in (column, column - 1))
    before = np.where(column[:, 0] > 0, before, 0)
    found: np.ndarray = column[:, 0] - 0.5 + (half[:, 0] - before) / np.maximum(reached - before, 1)
    return found


def in_time(random: np.random.Generator, shape: tuple[int, ...], frames: int, hold: float) -> np.ndarray:
    """Noise float32 [N, T, *shape] of unit variance, alike over `hold` frames; shape [N, ...]."""
    white = random.standard_normal((shape[0], frames, int(np.prod(shape[1:]))), dtype=np.float32)
    apart = np.abs(np.subtract.outer(np.arange(frames), np.arange(frames)))
    weights = np.exp(apart * (-2.0 / hold))
    weights = (weights / np.sqrt((weights**2).sum(1, keepdims=True))).astype(np.float32)
    found: np.ndarray = (weights @ white).reshape(shape[0], frames, *shape[1:])
    return found
