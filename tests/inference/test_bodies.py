"""Bodies of stored sequences: each at its own rate."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gaitbridge.inference.bodies import rate_hz, recovered_bodies
from gaitbridge.types import Sequence


def test_the_rate_is_that_of_most_frames_and_the_simulators_where_times_tell_none() -> None:
    assert rate_hz(np.array([0, 1, 2, 3, 30, 31]) / 30) == pytest.approx(30)  # somebody was hidden for a second
    for nothing in ([], [0.3], [0.3, 0.3], [np.nan, 1.0]):
        assert rate_hz(np.array(nothing)) == 10.0


def test_a_model_is_told_the_rate_of_each_stored_walk() -> None:
    walks: list[dict[str, np.ndarray]] = [{"silhouettes": np.ones((4, 64, 44), np.uint8), "silhouettes_time_s": np.arange(4) / 30},
                                          {"silhouettes": np.ones((4, 64, 44), np.uint8)}]
    told: list[float] = []

    def reconstruct(silhouettes: list[np.ndarray], rates_hz: list[float], **_: Any) -> list[str]:
        told.extend(rates_hz)
        return ["body"] * len(silhouettes)

    store: Any = SimpleNamespace(path=Path("film"), rows=[{"key": "a"}, {"key": "b"}],
                                 read_many=lambda numbers, names: [Sequence(None, walks[one]) for one in numbers])  # type: ignore[arg-type]
    model: Any = SimpleNamespace(reconstruct=reconstruct)
    assert list(recovered_bodies(model, store, [1, 0])) == [(1, "body"), (0, "body")]
    assert told == pytest.approx([10.0, 30.0])
