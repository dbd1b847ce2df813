"""The errors of segmentation: as large as they say, lasting, and following the seed."""

from functools import lru_cache

import numpy as np
import pytest
from scipy.ndimage import label
from walking_figure import LENS, facing, figure, overlap

from gaitbridge.geometry.rays import RayScene
from gaitbridge.simulation.sensors import _segmentation
from gaitbridge.simulation.sensors import silhouette_camera as camera


@lru_cache(maxsize=1)
def walk() -> np.ndarray:
    """Clean silhouettes of four views of one walk: uint8 [4, 20, 64, 44]."""
    poses = np.stack([facing(8, angle)[0] for angle in (0, 90, 135, 200)])
    frames = []
    for t in range(20):
        mesh = figure(round(0.45 * float(np.sin(2 * np.pi * t / 10)), 3))
        frames.append(camera.render_many(RayScene(*mesh[:2]), LENS, poses, mesh[0]).masks)
    return np.stack(frames, axis=1)


def degraded(level: float, night: bool = False) -> np.ndarray:
    """Overlap with the clean masks [seeds * 4, 20] of twelve seeds."""
    found = [overlap(camera.degrade(clean, np.random.default_rng([seed, view]), level, night), clean)
             for seed in range(12) for view, clean in enumerate(walk())]  # fmt: skip
    return np.array(found)


def test_degraded_silhouettes_are_as_bad_as_they_should_be_and_worse_by_night() -> None:
    day, night, little = degraded(1.0), degraded(1.0, night=True), degraded(0.5)
    assert 0.87 < day.mean() < 0.95
    assert 0.74 < night.mean() < 0.86
    assert day.mean() + 0.02 < little.mean() < 0.995
    assert (day.mean(1) < 0.98).mean() > 0.9  # no sequence goes free
    assert degraded(2.0).mean() < day.mean() - 0.08


def test_level_zero_changes_nothing_and_gives_a_copy() -> None:
    clean = walk()[0]
    same = camera.degrade(clean, np.random.default_rng(0), 0.0)
    np.testing.assert_array_equal(same, clean)
    same[:] = 7
    assert clean.max() == 255
    with pytest.raises(ValueError, match="negative"):
        camera.degrade(clean, np.random.default_rng(0), -1.0)


def test_degraded_silhouettes_are_aligned_masks_and_follow_the_seed() -> None:
    clean = walk()[1]
    one, again, other = (camera.degrade(clean, np.random.default_rng(seed), 1.0) for seed in (3, 3, 4))
    assert one.tobytes() == again.tobytes() != other.tobytes()
    assert one.dtype == np.uint8
    assert one.shape == clean.shape
    assert set(np.unique(one)) == {0, 255}
    for level in (0.5, 1.0):
        masks = np.concatenate([camera.degrade(clean, np.random.default_rng(seed), level) for seed in range(10)])
        seen = masks[masks.any((1, 2))]
        assert seen[:, 0].any(1).mean() > 0.9
        assert seen[:, -1].any(1).mean() > 0.9
        total = (seen > 0).sum(1).cumsum(1)
        assert np.abs(np.argmax(total > total[:, -1:] / 2, axis=1) - 22).mean() < 1.5


def test_errors_last_for_some_frames() -> None:
    still = np.repeat(walk()[1][:1], 40, axis=0)
    wrong = np.concatenate([camera.degrade(still, np.random.default_rng(seed), 1.0) for seed in range(5)]).astype(int) - still[0]
    wrong = wrong.reshape(5, 40, -1)

    def likeness(apart: int) -> float:
        return float(np.mean([np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(wrong[:, :-apart], wrong[:, apart:], strict=True)]))

    assert likeness(1) > likeness(15) + 0.2


def test_empty_frames_stay_empty_and_short_sequences_work() -> None:
    clean = walk()[2][:3].copy()
    clean[1] = 0
    for seed in range(20):
        assert not camera.degrade(clean, np.random.default_rng(seed), 2.0, night=True)[1].any()
    nobody = np.zeros((60, 64, 44), np.uint8)
    assert not any(camera.degrade(nobody, np.random.default_rng(seed), 2.0, night=True).any() for seed in range(10))
    assert camera.degrade(clean[:1], np.random.default_rng(0), 1.0).shape == (1, 64, 44)
    assert camera.degrade(clean[:0], np.random.default_rng(0), 1.0).shape == (0, 64, 44)


@pytest.mark.parametrize("name", ["limb", "leak", "failure"])
def test_rare_errors_do_happen_each_by_itself(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_segmentation, "EVENTS", {other: 4 * rate * (other == name) for other, rate in _segmentation.EVENTS.items()})
    for constant, value in (("OUTLINE", 0.0), ("JITTER", 0.0), ("HOLE", 99.0)):
        monkeypatch.setattr(_segmentation, constant, value)
    clean = walk()[1]
    bad = np.stack([camera.degrade(clean, np.random.default_rng(seed), 1.0) for seed in range(100)])
    changed = (bad != clean).any((2, 3))
    assert {"limb": 0.08, "leak": 0.04, "failure": 0.005}[name] < changed.mean() < {"limb": 0.4, "leak": 0.3, "failure": 0.05}[name]
    assert changed[:, 1:][changed[:, :-1]].mean() > 0.3  # they last
    gone = ~bad.any((2, 3))
    assert gone.any() == (name == "failure")


def test_errors_take_away_or_add_what_they_say() -> None:
    clean = walk()[1] > 0
    random = np.random.default_rng(0)
    for _ in range(50):
        limb, leak, failure = clean.copy(), clean.copy(), clean.copy()
        _segmentation._lose_limb(limb, random, 1.0)
        _segmentation._leak(leak, random, 1.0)
        _segmentation._fail(failure, random, 1.0)
        assert not (limb & ~clean).any()
        assert limb.sum() > 0.75 * clean.sum()
        assert (leak | clean == leak).all()
        assert all(label(frame)[1] == 1 for frame in leak)  # in one piece with the person
        assert 1.0 < leak.sum() / clean.sum() < 1.5
        assert not (failure & ~clean).any()
        assert failure.sum() < 0.85 * clean.sum()


def test_the_crop_follows_what_is_left() -> None:
    clean = walk()[1]
    random = np.random.default_rng(0)
    np.testing.assert_array_equal(_segmentation._recrop(clean > 0, random, 0.0), clean)
    upper = clean > 0
    upper[:, 36:] = False
    found = _segmentation._recrop(upper, random, 0.0)
    assert found[:, 0].any()
    assert found[:, -1].any(1).all()
    moved = np.roll(clean > 0, 5, axis=2)
    np.testing.assert_array_equal(_segmentation._recrop(moved, random, 0.0)[:, :, 8:-8], clean[:, :, 8:-8])
