"""The detection error trade-off of each pair of sensors, as plotly draws it: by normal deviates on both axes, which make lines of curves."""

from typing import Any

import numpy as np
from scipy.special import ndtri

from gaitbridge.gallery.decision import Calibration, Direction

TICKS = (0.0001, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
LEAST = 5e-5  # shares drawn as no less, and no more than 1 less that
NAMES = {"camera": "camera", "lidar": "LiDAR"}


def figure(calibration: Calibration) -> dict[str, Any]:
    """Traces and ticks; colours are the page's affair. No trace where nothing is known of genuine comparisons, or nobody was missed."""
    traces = [trace for one in calibration.directions if len((trace := _trace(one))["x"]) > 1]
    ticks = {"values": [float(ndtri(one)) for one in TICKS], "texts": [f"{100 * one:g} %" for one in TICKS]}
    return {"traces": traces, "ticks": ticks}


def words(direction: Direction) -> str:
    """Which sensor asks, which is enrolled."""
    return f"probe {NAMES.get(direction.probe, direction.probe)}, gallery {NAMES.get(direction.gallery, direction.gallery)}"


def _trace(direction: Direction) -> dict[str, Any]:
    points = [point for point in direction.trade() if point[2] > 0]  # where nobody is missed, how seldom that is is not known
    thresholds = [(one, one.false_non_match) for one in direction.thresholds if one.false_non_match]
    return {
        "name": words(direction),
        "x": _deviates([share for _, share, _ in points]), "y": _deviates([missed for _, _, missed in points]),
        "text": [f"distance {value:.4g}: {100 * share:.3g} % false matches, {100 * missed:.3g} % missed" for value, share, missed in points],
        "marks": {"x": _deviates([one.rate for one, _ in thresholds]), "y": _deviates([missed for _, missed in thresholds]),
                  "text": [f"threshold {one.distance:.4g} for {100 * one.rate:g} %" for one, _ in thresholds]},
    }


def _deviates(shares: list[float]) -> list[float]:
    return [float(one) for one in ndtri(np.clip(shares, LEAST, 1 - LEAST))]
