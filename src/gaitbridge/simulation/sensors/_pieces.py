"""Pieces of masks: gaps that are bridged, and slivers and specks that no segmenter gives.

Masks are [N, T, H, W]; whole-array work, since there is one for each frame of each camera.
"""

import numpy as np
from scipy import ndimage

SPECK = 0.08  # pieces apart of less than this share of a mask are dropped


def bridged(person: np.ndarray, hiding: np.ndarray, axis: int, longest: int) -> np.ndarray:
    """Where what hides lies between two parts of the person along an axis: bool [N, T, H, W], runs of at most `longest` pixels."""
    size = person.shape[axis]
    place = np.arange(size, dtype=np.int16).reshape([-1 if number == axis else 1 for number in range(person.ndim)])
    before = np.maximum.accumulate(np.where(hiding, np.int16(-1), place), axis)
    after = np.flip(np.minimum.accumulate(np.flip(np.where(hiding, np.int16(size), place), axis), axis), axis)
    inside = hiding & (before >= 0) & (after < size) & (after - before <= longest + 1)
    for ends in (before, after):
        inside &= np.take_along_axis(person, np.clip(ends, 0, size - 1).astype(np.intp), axis)
    return inside


def wide_parts(mask: np.ndarray, least: int) -> np.ndarray:
    """What of a mask lies in rows of at least so many pixels."""
    last = mask.shape[-1] - least + 1
    runs = np.logical_and.reduce([mask[..., start : start + last] for start in range(least)])
    found = np.zeros_like(mask)
    for start in range(least):
        found[..., start : start + last] |= runs
    return found


def without_slivers(person: np.ndarray, removed: np.ndarray) -> np.ndarray:
    """The person without what is a pixel wide beside what was left out of the mask, such as a rim of the hand about a strap."""
    beside = _grown(_grown(removed))
    square = person[..., :-1, :-1] & person[..., 1:, :-1] & person[..., :-1, 1:] & person[..., 1:, 1:]
    thick = np.zeros_like(person)
    for rows in (slice(None, -1), slice(1, None)):
        for columns in (slice(None, -1), slice(1, None)):
            thick[..., rows, columns] |= square
    found: np.ndarray = person & (thick | ~beside)
    return found


def _grown(mask: np.ndarray) -> np.ndarray:
    """A mask with its neighbours above, below and beside."""
    found = mask.copy()
    found[..., 1:, :] |= mask[..., :-1, :]
    found[..., :-1, :] |= mask[..., 1:, :]
    found[..., 1:] |= mask[..., :-1]
    found[..., :-1] |= mask[..., 1:]
    return found


def without_specks(masks: np.ndarray) -> np.ndarray:
    """Masks of one piece, or of as many as are large: what touches at corners is one. Keeps the type, bool or of 0 and 255."""
    if not masks.size:
        return masks
    height, width = masks.shape[-2:]
    flat = masks.reshape(-1, height, width)
    apart = np.zeros((len(flat), height + 1, width), bool)  # an empty row parts the masks, so that one call labels all
    np.not_equal(flat, 0, out=apart[:, :-1])
    labels, count = ndimage.label(apart.reshape(-1, width), np.ones((3, 3), bool))
    labels = labels.reshape(apart.shape)
    last = np.maximum.accumulate(labels.reshape(len(flat), -1).max(1, initial=0))  # pieces are numbered from the first mask to the last
    several = np.flatnonzero(np.diff(last, prepend=0) > 1)
    if not len(several):
        return masks
    pieces = labels[several, :-1]
    mask_of = np.searchsorted(last, np.arange(count + 1))
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    sizes[0] = 0
    areas = np.bincount(mask_of, weights=sizes, minlength=len(flat))
    found = flat.copy()
    found[several] *= ((sizes > 0) & (sizes >= SPECK * areas[mask_of]))[pieces]
    return found.reshape(masks.shape)
