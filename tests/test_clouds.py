"""Clouds of a walk: ragged as they are kept, so many points a frame as they are taken."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from point_walks import frames, store_of
from toy import toy_sequence

from gaitbridge import clouds
from gaitbridge.conventions import stream
from gaitbridge.data.batches import DataConfig, TrainingBatches
from gaitbridge.data.contents import content_problem
from gaitbridge.data.point_augmentation import PointAugmentationConfig, augmented_points, prepared_points
from gaitbridge.errors import UserError
from gaitbridge.store import Store
from gaitbridge.types import Sequence


def test_frames_come_back_as_they_were_joined_in_any_order_of_points() -> None:
    given = frames(3, 0, 5, 1)
    walk = clouds.joined(given)
    assert clouds.frame_count(walk) == 4
    shuffled = walk[np.random.default_rng(0).permutation(len(walk))]
    for points, again, wanted in zip(clouds.in_frames(walk), clouds.in_frames(shuffled), given, strict=True):
        assert (points == wanted).all()
        assert (np.sort(again, 0) == np.sort(wanted, 0)).all()
    assert clouds.frame_count(clouds.joined([])) == 0


@pytest.mark.parametrize("chosen", [[2, 0], [3, 3, 1], [1], []])
def test_picked_frames_are_numbered_anew(chosen: list[int]) -> None:
    given = frames(3, 0, 5, 1)
    found = clouds.in_frames(clouds.picked(clouds.joined(given), np.array(chosen, int)), len(chosen))
    assert [one.tolist() for one in found] == [given[number].tolist() for number in chosen]


def test_a_draw_follows_from_the_frame_or_from_the_stream() -> None:
    given = frames(9, 0, 5)
    walk = clouds.joined(given)
    found = clouds.drawn(walk, 40)
    assert found.shape == (3, 40, 3)
    assert np.isnan(found[1]).all()
    for row in (0, 2):
        assert {tuple(point) for point in found[row]} <= {tuple(point) for point in given[row]}
    alone = clouds.drawn(clouds.joined(given[2:]), 40)
    assert (alone[0] == found[2]).all()
    one, again, other = (clouds.drawn(walk, 40, random=stream(seed, "a")) for seed in (0, 0, 1))
    assert (one[0] == again[0]).all()
    assert (one[0] != other[0]).any()
    assert clouds.drawn(walk, 4, frames=5).shape == (5, 4, 3)


def test_a_store_counts_and_picks_frames_of_points(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    assert {row["points_frames"] for row in store.rows} == {6}
    assert store.rows[0]["modalities"] == ["silhouettes", "range_views", "points"]
    assert (store.rows[0]["height"], store.rows[0]["width"]) == (64, 44)
    whole, some = (store.read(0, ["points"], picked).arrays["points"] for picked in (None, {"points": np.array([3, 0])}))
    assert [len(one) for one in clouds.in_frames(whole)] == [30, 0, 20, 40, 25, 30]
    assert (clouds.in_frames(some)[0] == clouds.in_frames(whole)[3]).all()
    alone = store_of(tmp_path / "alone", others=False)
    assert (alone.rows[0]["height"], alone.rows[0]["points_frames"]) == (0, 6)


def test_a_store_without_points_has_the_index_of_before(toy_store: Store) -> None:
    import pyarrow.parquet as pq

    assert "points_frames" not in pq.read_schema(toy_store.index).names
    assert toy_store.rows[0]["points_frames"] == 0


def test_a_store_that_kept_points_before_they_were_a_modality_has_them(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    store = store_of(tmp_path)
    table = pq.read_table(store.index)
    column = [[name for name in names if name != "points"] for names in table["modalities"].to_pylist()]
    table = table.drop_columns(["points_frames"]).set_column(table.schema.get_field_index("modalities"), "modalities", [column])
    pq.write_table(table, store.index)
    assert Store(tmp_path).select(modality="points") == store.select(modality="points")
    assert Store(tmp_path).rows[0]["points_frames"] == 6


def test_batches_hold_as_many_points_of_each_frame(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    config = DataConfig(people_per_batch=2, sequences_per_person=2, frames=4)
    plain, again, other = (TrainingBatches(store, ["points"], config, seed, points=16)[3].inputs["points"] for seed in (0, 0, 1))
    assert plain.shape == (4, 4, 16, 3)
    assert np.array_equal(plain, again, equal_nan=True)
    assert not np.array_equal(plain, other, equal_nan=True)
    changing = config.model_copy(update={"point_augmentation": {"scale": 1}})
    assert TrainingBatches(store, ["points"], changing, 0, points=16)[3].inputs["points"].shape == (4, 4, 16, 4)
    with pytest.raises(UserError, match="point_augmentation changes points"):
        TrainingBatches(store, ["silhouettes"], changing, 0)


@pytest.mark.parametrize("name", ["flip", "rotate", "shift", "jitter", "scale", "drop"])
def test_augmentations_change_places_and_leave_heights(name: str) -> None:
    points = np.stack([*frames(50, 50), np.full((50, 3), np.nan, np.float32)])
    plain = prepared_points(points)
    changed = augmented_points(points, PointAugmentationConfig(**{name: 1}), stream(0, "a"))
    assert np.isnan(changed[2]).all()
    changed, plain = changed[:2], plain[:2]
    assert np.allclose(changed[..., 3], plain[..., 3])
    assert np.abs(changed[..., :3] - plain[..., :3]).max() > 1e-3
    radius, before = (np.linalg.norm(one[..., :2], axis=2) for one in (changed, plain))
    if name in ("flip", "rotate"):
        assert np.allclose(radius, before, atol=1e-6)
        assert np.allclose(changed[..., 2], plain[..., 2])
    if name == "flip":
        assert np.allclose(changed[..., 1], -plain[..., 1])
    if name in ("shift", "jitter"):
        assert np.abs(changed[..., :3] - plain[..., :3]).max() <= {"shift": 0.1, "jitter": 0.05}[name] + 1e-6
    if name == "scale":
        factors = np.linalg.norm(changed[..., :3], axis=2) / np.linalg.norm(plain[..., :3], axis=2)
        assert np.ptp(factors, axis=1).max() < 1e-4
        assert factors[0, 0] != pytest.approx(factors[1, 0], abs=1e-3)
    if name == "drop":
        assert (np.abs(changed[..., :3] - changed[:, :1, :3]).max(2) == 0).sum() > 2
    assert np.allclose(augmented_points(points, PointAugmentationConfig(), stream(0, "a"))[:2], plain)


@pytest.mark.parametrize(("change", "words"), [
    (lambda walk: walk.__setitem__((0, 1), np.nan), "not finite"), (lambda walk: walk.__setitem__((0, 4), 0.5), "whole numbers"),
    (lambda walk: walk.__setitem__((0, 4), 1e9), "whole numbers"), (lambda walk: walk.__imul__(1000), "metres"),
])  # fmt: skip
def test_contents_that_cannot_be_are_named(change: object, words: str) -> None:
    walk = clouds.joined(frames(5, 3))
    assert content_problem("points", walk) == ""
    change(walk)  # type: ignore[operator]
    walk[:, 4] = np.where(walk[:, 4] == 1000, 1, walk[:, 4])
    assert words in content_problem("points", walk)


def test_points_of_another_form_are_no_sequence() -> None:
    walk = toy_sequence(0, "train", "normal", 0, 0)
    with pytest.raises(ValueError, match=r"must be float32 \[P, 5\]"):
        Sequence(replace(walk.labels, key="a"), {"points": np.zeros((4, 3), np.float32)})
