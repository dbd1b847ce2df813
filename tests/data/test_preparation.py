"""Pictures are cut to a network's size, evenly and never twice."""

import numpy as np
import pytest

from gaitbridge.data.preparation import fitted
from gaitbridge.data.sampling import draw_frames
from gaitbridge.errors import UserError


def test_ten_columns_go_on_each_side() -> None:
    pictures = np.tile(np.arange(64, dtype=np.uint8), (2, 64, 1))
    cut = fitted(pictures, (64, 44), "silhouettes", "it")
    assert cut.shape == (2, 64, 44)
    assert (cut[0, 0, 0], cut[0, 0, -1]) == (10, 53)
    assert fitted(cut, (64, 44), "silhouettes", "it") is cut
    assert fitted(pictures, None, "silhouettes", "it") is pictures
    assert fitted(np.zeros((2, 3, 64, 64)), (64, 44), "depth_pictures", "it").shape == (2, 3, 64, 44)
    skeletons = np.zeros((5, 17, 3), np.float32)
    assert fitted(skeletons, (64, 44), "skeletons") is skeletons  # no picture


@pytest.mark.parametrize("size", [(32, 44), (64, 43), (64, 42)])
def test_other_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(UserError, match=f"it is {size[0]}x{size[1]}, this network takes 64x44"):
        fitted(np.zeros((2, *size), np.uint8), (64, 44), "silhouettes", "it")


def test_a_batch_draws_how_many_frames_it_has() -> None:
    drawn = [draw_frames(10, 50, 0, step) for step in range(2000)]
    assert (min(drawn), max(drawn)) == (10, 50)
    assert draw_frames(10, 50, 0, 7) == draw_frames(10, 50, 0, 7)
    assert draw_frames(10, None, 0, 7) == 10
