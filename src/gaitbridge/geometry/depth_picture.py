"""Coloured depth pictures: look-alikes of the ones that SUSTech1K publishes, for networks whose weights were trained on them.

The published pictures are drawings, made once with a plotting library: a dot a point, coloured by horizontal distance, scaled frame by frame
(so that absolute range is lost), cropped to the person and enlarged. What is known of the drawing is in docs/range_views.md. Range views keep
metres: take pictures only for such weights.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from gaitbridge.geometry.projection import SUSTECH1K, Projection

PIXELS_PER_CELL = 0.77  # of the drawing: the share of a default figure's height that its axes take, and 100 dots an inch at 0.01 inch a cell
DOT_RADIUS = 0.5 * 100 / 72  # pixels: dots one point wide at 100 dots an inch
PHASES = 32  # steps within a pixel at which the shape of a dot is tabulated
FAINTEST = 0.5 / 255  # a dot that covers less of a pixel does not show
SHARPNESS = -0.75  # of the cubic kernel of the enlargement
DRAWN_AT_ONCE = 8  # frames; many more make arrays so large that their memory may be asked of the system anew each time
REACH = 3  # pixels that the kernel may look beyond an edge, one to spare


@lru_cache(maxsize=1)
def jet() -> np.ndarray:
    """The colour map jet, uint8 [256, 3], red, green, blue: dark blue at 0, dark red at 255.

    Piecewise linear, by its definition in matplotlib's documentation of the map and in MATLAB's: corners of each channel.
    """
    corners = (((0, 0), (0.35, 0), (0.66, 1), (0.89, 1), (1, 0.5)),
               ((0, 0), (0.125, 0), (0.375, 1), (0.64, 1), (0.91, 0), (1, 0)),
               ((0, 0.5), (0.11, 1), (0.34, 1), (0.65, 0), (1, 0)))  # fmt: skip
    at = np.linspace(0, 1, 256)
    channels = [np.interp(at, *np.transpose(channel)) for channel in corners]
    return (np.stack(channels, axis=-1) * 255).astype(np.uint8)


def _shades(values: np.ndarray, first: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Colour numbers [P] of values [P] that lie frame after frame, from `first` [T]: 0 a frame's least, 255 its greatest, 0 if all are equal."""
    least = np.minimum.reduceat(values, first)
    span = np.maximum.reduceat(values, first) - least
    scale = np.divide(256, span, out=np.zeros_like(span), where=span > 0)
    return np.minimum((values - least[frame]) * scale[frame], 255).astype(np.uint8)


def depth_picture(range_view: np.ndarray) -> np.ndarray:
    """The picture uint8 [3, H, W] (red, green, blue; black where nothing came back) of a range view [H, W] in metres: near is red.

    Scaled to the nearest and the farthest of this view. The published pictures show the horizontal distance, and are soft as drawings are:
    `depth_pictures` of the points comes closer to them.
    """
    seen = np.isfinite(range_view)
    picture = np.zeros((3, *range_view.shape), np.uint8)
    if seen.any():
        near = -range_view[seen].astype(np.float64)
        picture[:, seen] = jet()[_shades(near, np.zeros(1, np.intp), np.zeros(len(near), np.intp))].T
    return picture


def depth_pictures(frames: Sequence[np.ndarray], sensor: Projection = SUSTECH1K, size: tuple[int, int] = (64, 64)) -> np.ndarray:
    """The pictures uint8 [T, 3, H, W] (red, green, blue, on black) of a person's clouds in T frames, each [P, 3 or more], as published.

    Drawn as dots of the published size on the grid of `sensor`, the nearer above the farther, coloured by minus the horizontal distance;
    cropped to the rows drawn, enlarged to H rows with a cubic kernel, W columns around the column that halves the brightness. Frames without
    a return are black. A person behind the sensor is not torn apart, and one near the seam is centred: there the published ones differ.
    """
    pictures = np.zeros((len(frames), 3, *size), np.uint8)
    for start in range(0, len(frames), DRAWN_AT_ONCE):
        azimuth, elevation, ranges, frame = sensor.returns(frames[start : start + DRAWN_AT_ONCE])
        if len(frame):
            shown, number = np.unique(frame, return_inverse=True)  # frames with a return, numbered without gaps
            for place, (drawing, column) in zip(start + shown, _drawn(azimuth, elevation, ranges, number, sensor), strict=True):
                pictures[place] = _enlarged(drawing, column, sensor, size)
    return pictures


def _drawn(azimuth: np.ndarray, elevation: np.ndarray, ranges: np.ndarray, frame: np.ndarray, sensor: Projection) -> list[tuple[np.ndarray, int]]:
    """The drawings of returns [P] that lie frame after frame: each uint8 [h, w, 3], as small as can be, and its first column in the whole turn.

    All frames at once: `frame` [P] counts from 0 without gaps. Gathering by `take` and sorting 16 bits, by radix, keep it fast.
    """
    # 1. Places in pixels, from the top left; the whole turn has its seam behind the sensor, and is continued beyond it.
    first = np.flatnonzero(np.diff(frame, prepend=-1))
    middle = np.arctan2(np.add.reduceat(np.sin(azimuth), first), np.add.reduceat(np.cos(azimuth), first))[frame]
    azimuth = middle + (azimuth - middle + np.pi) % (2 * np.pi) - np.pi
    right = (np.pi - azimuth) * (PIXELS_PER_CELL / sensor.azimuth_step)
    down = (sensor.elevations[0] - elevation) * (PIXELS_PER_CELL / _pitch(sensor))
    # 2. From the farthest to the nearest, and their colours.
    near = -ranges * np.cos(elevation)
    order = np.argsort(near - 2 * near.min() * frame)  # within each frame; equally far dots are of one colour, so that their order does not matter
    right, down = right[order], down[order]
    colours = jet()[_shades(near[order], first, frame)].astype(np.float64)
    # 3. What each dot covers of 3 x 3 pixels; the frames' pixels lie one after the other.
    column, row = np.floor(right).astype(np.intp), np.floor(down).astype(np.intp)
    shape = ((down - row) * PHASES).astype(np.intp) * PHASES + ((right - column) * PHASES).astype(np.intp)
    left, top = (np.minimum.reduceat(place, first) - 1 for place in (column, row))
    width, height = np.maximum.reduceat(column, first) + 2 - left, np.maximum.reduceat(row, first) + 2 - top
    start = np.append(0, (width * height).cumsum())
    own = (start[frame] + (row - top[frame]) * width[frame] + column - left[frame]).astype(np.int32)
    around = (np.arange(-1, 2)[:, None] * width[:, None, None] + np.arange(-1, 2)).reshape(-1, 9).astype(np.int32)  # [T, 9]
    cover, free = (np.take(table, shape, 0).ravel() for table in _dots())  # [9 P]
    shown = np.flatnonzero(cover > FAINTEST)
    pixel = (own[:, None] + np.take(around, frame, 0)).ravel().take(shown)
    # 4. Each dot is laid over what is there: it counts by what it covers, times what the later ones of its pixel leave free.
    sort = np.argsort(pixel.astype(np.uint16) if start[-1] <= 2**16 else pixel, kind="stable")
    pixel, shown = pixel.take(sort), shown.take(sort)
    ends = np.append(np.flatnonzero(np.diff(pixel)), len(pixel) - 1)
    left_free = free.take(shown).cumsum()
    weight = cover.take(shown) * np.exp(np.repeat(left_free.take(ends), np.diff(ends, prepend=-1)) - left_free)
    dot = shown // 9
    drawing = np.zeros((start[-1], 3), np.uint8)
    for channel in range(3):
        total = (weight * colours[:, channel].take(dot)).cumsum().take(ends)
        drawing[pixel.take(ends), channel] = np.diff(total, prepend=0) + 0.5
    return [(drawing[start[n] : start[n + 1]].reshape(height[n], width[n], 3), int(left[n])) for n in range(len(first))]


def _pitch(sensor: Projection) -> float:
    """Radians between the rows of a drawing: the grid's, or the most usual gap of a table of beams."""
    return float(np.deg2rad(sensor.elevation_step_deg)) if sensor.elevation_step_deg else float(np.median(-np.diff(sensor.elevations)))


@lru_cache(maxsize=1)
def _dots() -> tuple[np.ndarray, np.ndarray]:
    """What a dot covers of the 3 x 3 pixels around its own, float32 [PHASES * PHASES, 9], by where in its pixel it lies (down, right).

    And the logarithm of what it leaves free, float64.
    """
    fine = 24  # samples a pixel, each way
    sample = (np.arange(3 * fine) + 0.5) / fine - 1
    square = (sample[None] - (np.arange(PHASES)[:, None] + 0.5) / PHASES) ** 2  # [PHASES, 3 fine]
    inside = square[:, None, :, None] + square[None, :, None, :] < DOT_RADIUS**2
    cover = np.minimum(inside.reshape(PHASES, PHASES, 3, fine, 3, fine).mean((3, 5)).reshape(-1, 9), 1 - 1e-6)
    return cover.astype(np.float32), np.log1p(-cover)


def _enlarged(drawing: np.ndarray, first_column: int, sensor: Projection, size: tuple[int, int]) -> np.ndarray:
    """The picture uint8 [3, H, W] of a drawing [h, w, 3] whose first column is number `first_column` of the whole turn's."""
    height, width = size
    rows = np.flatnonzero(drawing.reshape(len(drawing), -1).any(1))
    top, bottom = rows[0], max(rows[-1], rows[0] + 1)  # the published crop leaves the last row out
    turn = int(sensor.columns * PIXELS_PER_CELL)
    zoom = max(int(height * turn / (bottom - top)), 1) / turn
    # 1. All columns that the kernel lets the person reach: two of the drawing beyond it, which are black.
    black, first = 2, first_column - 2
    person = np.zeros((3, bottom - top, drawing.shape[1] + 2 * black), np.float32)
    person[:, :, black:-black] = np.moveaxis(drawing[top:bottom], 2, 0)
    columns = np.arange(int(np.ceil((first + 0.5) * zoom - 0.5)), int(np.floor((first + person.shape[2] - 0.5) * zoom - 0.5)) + 1)
    across = _cubic((columns + 0.5) / zoom - 0.5 - first, person.shape[2])
    large = _cubic((np.arange(height) + 0.5) * (bottom - top) / height - 0.5, bottom - top) @ person @ across.T
    large = np.clip(large + 0.5, 0, 255).astype(np.uint8)
    # 2. The columns around the one that halves the brightness, black beyond the person.
    brightness = large.sum((0, 1), dtype=np.int64).cumsum()
    start = int(np.searchsorted(2 * brightness, brightness[-1], side="right")) - width // 2
    picture = np.zeros((3, *size), np.uint8)
    left, right = max(start, 0), min(start + width, large.shape[2])
    picture[:, :, left - start : right - start] = large[:, :, left:right]
    return picture


def _cubic(at: np.ndarray, length: int) -> np.ndarray:
    """Weights float32 [M, length] that read a row of `length` pixels at the places [M] by cubic convolution; the edges go on beyond."""
    first, a = np.floor(at).astype(np.intp), SHARPNESS
    x = at - first
    y = 1 - x
    taps = (a * x * y * y, 1 + ((a + 2) * x - (a + 3)) * x * x, 1 + ((a + 2) * y - (a + 3)) * y * y, a * y * x * x)
    weights, row = np.zeros((len(at), length + 2 * REACH), np.float32), np.arange(len(at))
    for place, tap in enumerate(taps, REACH - 1):
        weights[row, first + place] = tap
    weights[:, REACH] += weights[:, :REACH].sum(1)
    weights[:, -REACH - 1] += weights[:, -REACH:].sum(1)
    return weights[:, REACH:-REACH]
