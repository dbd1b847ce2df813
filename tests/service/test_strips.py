"""A walk as a strip of sixteen squares."""

import numpy as np

from gaitbridge.service.strips import AROUND, COUNT, FIGURE, SIDE, range_strip, silhouette_strip


def squares(strip: np.ndarray) -> np.ndarray:
    assert strip.shape == (SIDE, COUNT * SIDE, 3)
    assert strip.dtype == np.uint8
    return strip.reshape(SIDE, COUNT, SIDE, 3).swapaxes(0, 1)


def test_a_strip_shows_a_stride_in_order() -> None:
    """A bar that moves one column a picture, 30 a second, for 4 seconds: those of the middle show, no other."""
    silhouettes = np.zeros((120, 64, 128), np.uint8)
    for number in range(120):
        silhouettes[number, :, number] = 255
    shown = squares(silhouette_strip(silhouettes, np.arange(120) / 30))
    places = [int(one[SIDE // 2, :, 0].argmax()) for one in shown]
    assert places == sorted(places)
    assert 38 <= places[0] <= 42  # 1.3 s about second 2
    assert 74 <= places[-1] <= 80
    assert tuple(shown[0][0, 0]) == AROUND


def test_a_strip_of_one_picture_fills_the_height() -> None:
    shown = squares(silhouette_strip(np.full((1, 64, 44), 255, np.uint8), np.zeros(1)))
    assert (shown == shown[0]).all()
    middle = (shown[0] == np.asarray(FIGURE)).all(-1)
    assert middle.any(1).all()
    assert not middle[:, 0].any()


def test_what_is_near_is_light() -> None:
    view = np.full((3, 16, 16), np.nan, np.float32)
    view[:, 4:12, 2:6] = 5.0
    view[:, 4:12, 8:12] = 6.0
    shown = squares(range_strip(view, np.arange(3.0)))[0].astype(int).sum(-1)
    row = shown[SIDE // 2]
    near, far, nothing = row[4 * 8], row[10 * 8], row[0]
    assert near > far > nothing
    assert tuple(squares(range_strip(np.full((2, 8, 8), np.nan, np.float32), np.arange(2.0)))[0][0, 0]) == AROUND
