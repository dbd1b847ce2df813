"""A camera's silhouettes by background subtraction: all that moves, bags and what is carried with it, shadows, ragged outlines, holes.

Fitted to the masks of a static camera over walking people by benchmarks/realism.py.
"""

import numpy as np

from gaitbridge.simulation.sensors._segmenter import NIGHT, SiteErrors, dark
from gaitbridge.simulation.sensors._soft_masks import KNOTS, in_time, outlined

BLURRED = 0.5  # share of blur: its outlines keep what the pixels say
STAYS = 1.8  # times a segmenter's errors of site, person and clothes: cloth of the background's colour
GROWN, FRAME, HOLD_S = 0.1, 0.7, 0.3  # pixels: all outlines lie outside by the film's compression; of a frame, alike for HOLD_S
GRAIN, GRAIN_HOLD_S, GRAIN_KNOTS = 0.58, 0.1, (32, 22)  # ragged outlines
QUALITY = 0.4  # by how much the logarithm of that differs between sequences
HOLE, HOLE_PX, HOLE_HOLD_S = 2.2, 4.0, 0.6  # standard deviations above which the body passes for background, pixels for each above
JITTER, JITTER_HOLD_S = 0.3, 0.2  # of the crop
SHADOW = 0.6  # how much of a shadow is left by what removes shadows, at the feet


def subtracted(
    masks: np.ndarray, errors: SiteErrors, random: np.random.Generator, level: float = 1.0, night: bool = False, rate_hz: float = 10.0
) -> np.ndarray:
    """Silhouettes of N views of a take as background subtraction would give them: uint8 [N, T, H, W] of 0 and 255.

    masks: clean ones of all that moves with the person, uint8 [N, T, H, W]. level scales all errors, 0 gives the masks back. Frames that
    were empty stay empty. Raises ValueError for a negative level.
    """
    if level < 0:
        raise ValueError(f"a level of degradation is not negative: {level}")
    if level == 0 or not masks.size:
        return masks.copy()
    views, frames, height, width = masks.shape
    shown = masks.reshape(-1, height, width) > 0
    weights = np.maximum(shown, _shadows(shown, errors.shadow_px, random, views, level))
    grid = STAYS * errors.offsets_px[:, None] + FRAME * in_time(random, (views, *KNOTS), frames, HOLD_S * rate_hz) + np.float32(GROWN)
    grid -= HOLE_PX * np.maximum(in_time(random, (views, *KNOTS), frames, HOLE_HOLD_S * rate_hz) - HOLE, 0)
    ragged = GRAIN * np.exp(QUALITY * random.standard_normal((views, 1, 1, 1))).astype(np.float32)
    fine = ragged * in_time(random, (views, *GRAIN_KNOTS), frames, GRAIN_HOLD_S * rate_hz)
    jitter = JITTER * in_time(random, (views, 3), frames, JITTER_HOLD_S * rate_hz)
    if night:
        grid += dark(random, views, frames, rate_hz)
        jitter += NIGHT["jitter"] * in_time(random, (views, 3), frames, JITTER_HOLD_S * rate_hz)
    grids = [np.float32(level) * one.reshape(-1, *one.shape[2:]) for one in (grid, fine)]
    seen = np.asarray(shown.any((1, 2)))
    return outlined(weights, 0.0, min(level, 1.0) * BLURRED, grids, level * jitter.reshape(-1, 3), seen).reshape(masks.shape)


def _shadows(shown: np.ndarray, reach_px: np.ndarray, random: np.random.Generator, views: int, level: float) -> np.ndarray:
    """How far each pixel counts as a shadow that is left, float32 [B, H, W]: a lens on the ground at the feet, to one side of what stands there."""
    count, height, width = shown.shape
    reach = np.repeat(reach_px * np.exp(0.3 * random.standard_normal(views)), count // views)[:, None, None]
    middle = (shown[:, -8:] * np.arange(width)).sum((1, 2)) / np.maximum(shown[:, -8:].sum((1, 2)), 1)
    rows, columns = np.arange(height)[:, None], np.arange(width)
    across = (columns - middle[:, None, None] - reach / 2) / (np.abs(reach) / 2 + 4)
    down = (rows - (height - 2.5)) / 2.5
    found: np.ndarray = np.clip(level * SHADOW * np.clip(1.5 - across**2 - down**2, 0, 1), 0, 1).astype(np.float32)
    return found
