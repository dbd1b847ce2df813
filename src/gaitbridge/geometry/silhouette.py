"""The field's alignment of silhouettes: cropped by rows, stretched to a height, centred on the column where half of the person lies on each side."""

import numpy as np

from gaitbridge.conventions import PERSON


def align(mask: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The aligned silhouette uint8 [h, w] of a mask [H, W], and its window's box float64 [4]: top, left, bottom, right in the mask's pixels.

    Cropped to the rows in which the person shows, stretched to h rows with the aspect kept, centred on the column where the cumulative
    column sum passes half. Each pixel shows the nearest one of the mask. All zero, with a box of NaN, where the mask is empty. Pixel centres
    are whole numbers: the box of one pixel at (0, 0) is -0.5, -0.5, 0.5, 0.5.
    """
    mask = mask > 0
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return np.zeros(size, np.uint8), np.full(4, np.nan)
    top, left, bottom, right = rows[0] - 0.5, columns[0] - 0.5, rows[-1] + 0.5, columns[-1] + 0.5
    step = (bottom - top) / size[0]  # mask pixels a pixel of the silhouette
    across = max(1, int(np.ceil((right - left) / step - 1e-9)))
    # Rounded within the crop: the same person gives the same silhouette wherever they are in the picture.
    v, u = (np.rint((np.arange(count) + 0.5) * step - 0.5).astype(int) for count in (size[0], across))
    crop = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    seen = crop[np.clip(v, 0, len(crop) - 1)][:, np.minimum(u, crop.shape[1] - 1)] & (u < crop.shape[1])
    first, box = centre(seen, np.array([top, left, bottom, right]), size[1])
    return window(seen, first, size[1]) * np.uint8(PERSON), box


def centre(seen: np.ndarray, crop: np.ndarray, width: int) -> tuple[int, np.ndarray]:
    """First column of a window so wide in `seen` [H, C] (may be negative), and the window's box [4]; crop [4] is the box of `seen`."""
    total = np.cumsum(seen.sum(0))
    first = int(np.searchsorted(total, total[-1] / 2, side="right")) - width // 2
    step = (crop[2] - crop[0]) / len(seen)
    return first, np.array([crop[0], crop[1] + first * step, crop[2], crop[1] + (first + width) * step])


def window(values: np.ndarray, first: int, width: int) -> np.ndarray:
    """Columns first .. first + width of values [H, C], zero outside."""
    cut = np.zeros((len(values), width), values.dtype)
    start, stop = max(first, 0), min(first + width, values.shape[1])
    if stop > start:
        cut[:, start - first : stop - first] = values[:, start:stop]
    return cut
