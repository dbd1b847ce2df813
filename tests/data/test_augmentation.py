"""Training pictures are changed alike in all frames, as often as asked for, and never away from their truth."""

from pathlib import Path

import numpy as np
import pytest

from gaitbridge.conventions import PARSING_LABELS, stream
from gaitbridge.data.augmentation import AugmentationConfig, augmented, change_of
from gaitbridge.data.augmentations import affine, erasing, perspective
from gaitbridge.data.augmentations._warping import warped
from gaitbridge.data.batches import DataConfig, TrainingBatches
from gaitbridge.data.sampling import plan_batch
from gaitbridge.errors import UserError
from gaitbridge.methods.meshgait.truth import Truth
from gaitbridge.store import Store

HEAD, LEFT_ARM, RIGHT_ARM, DRESS = (PARSING_LABELS.index(name) for name in ("head", "left_arm", "right_arm", "dress"))
ONLY_FLIP = AugmentationConfig(flip=1, turn=0, tilt=0)


def figure() -> np.ndarray:
    picture = np.zeros((3, 64, 44), np.uint8)
    picture[:, 10:50, 12:20] = 255
    return picture


def test_a_flip_is_a_flip_of_all_frames_and_channels() -> None:
    silhouettes, heatmaps = figure(), np.random.default_rng(0).integers(0, 256, (3, 2, 64, 44), np.uint8)
    found = augmented({"silhouettes": silhouettes, "pose_heatmaps": heatmaps}, ONLY_FLIP, stream(0, "a"))
    assert (found["silhouettes"] == silhouettes[..., ::-1]).all()
    assert (found["pose_heatmaps"] == heatmaps[..., ::-1]).all()


@pytest.mark.parametrize("share", ["flip", "turn", "tilt", "perspective", "affine", "erasing"])
def test_no_change_to_a_parsed_body_makes_a_part_that_was_not_there(share: str) -> None:
    labels = np.zeros((2, 64, 44), np.uint8)
    labels[:, 8:16, 16:28] = HEAD
    labels[:, 16:40, 6:22] = LEFT_ARM  # beside the torso: a mean of the two numbers would be another part
    labels[:, 16:40, 22:38] = DRESS
    silhouettes = (labels > 0).astype(np.uint8) * 255
    settings = AugmentationConfig.model_validate({"flip": 0, "turn": 0, "tilt": 0, share: 1})
    found = [augmented({"parsing": labels, "silhouettes": silhouettes}, settings, stream(number, "a")) for number in range(12)]
    arm = RIGHT_ARM if share == "flip" else LEFT_ARM  # of a mirror image the other one
    assert all(set(np.unique(one["parsing"])) == {0, HEAD, arm, DRESS} for one in found)
    assert any((one["parsing"] != labels).any() for one in found)
    apart = [((one["parsing"] > 0) != (one["silhouettes"] > 127)).mean() for one in found]
    assert max(apart) < 0.03  # both pictures are changed alike, but for half a pixel at the edges


def test_turns_and_tilts_move_the_figure_and_keep_its_size_about() -> None:
    for settings in (AugmentationConfig(flip=0, turn=1, tilt=0), AugmentationConfig(flip=0, turn=0, tilt=1)):
        found = augmented({"silhouettes": figure()}, settings, stream(1, "a"))["silhouettes"]
        assert (found[0] == found[1]).all()
        assert (found != figure()).any()
        assert float(found.mean()) == pytest.approx(float(figure().mean()), rel=0.35)


def test_a_turn_is_about_the_middle_by_the_degrees_asked_for() -> None:
    change = change_of(AugmentationConfig(flip=0, turn=1, tilt=0, degrees=10), stream(3, "a"), 64, 44)
    assert change is not None
    middle = np.array([21.5, 31.5, 1.0])
    assert np.allclose(change @ middle, middle)
    assert 0 < abs(np.rad2deg(np.arctan2(change[1, 0], change[0, 0]))) <= 10


def test_shares_are_what_they_say() -> None:
    changed = [change_of(AugmentationConfig(flip=0.2, turn=0.2, tilt=0.2), stream(n, "a"), 64, 44) is not None for n in range(2000)]
    assert np.mean(changed) == pytest.approx(1 - 0.8**3, abs=0.03)
    none = AugmentationConfig(flip=0, turn=0, tilt=0)
    assert augmented({"silhouettes": figure()}, none, stream(0, "a"))["silhouettes"] is not None
    assert all(change_of(none, stream(n, "a"), 64, 44) is None for n in range(50))


def test_batches_are_changed_by_step_and_seed_alone(toy_store: Store) -> None:
    config = DataConfig(people_per_batch=4, sequences_per_person=2, frames=3, augmentation=AugmentationConfig(flip=1, turn=1, tilt=1))
    plain = config.model_copy(update={"augmentation": None})
    first, again, other, without = (TrainingBatches(toy_store, ["silhouettes"], c, seed)[5].inputs["silhouettes"]
                                    for c, seed in ((config, 0), (config, 0), (config, 1), (plain, 0)))
    assert (first == again).all()
    assert (first != other).any()
    assert first.shape == without.shape
    assert (first != without).flatten(1).any(1).all()


def test_metres_and_truth_are_not_augmented(toy_store: Store, tmp_path: Path) -> None:
    config = DataConfig(people_per_batch=2, sequences_per_person=2, frames=2, augmentation=ONLY_FLIP)
    with pytest.raises(UserError, match="not range_views"):
        TrainingBatches(toy_store, ["range_views"], config, 0)
    with pytest.raises(UserError, match=r"no 3D truth|away from their 3D truth"):
        TrainingBatches(toy_store, ["silhouettes"], config, 0, truth=Truth(mesh=False))


def test_a_spare_row_leaves_frames_out_at_random() -> None:
    by_person, counts = {"a": [0, 1], "b": [2, 3]}, dict.fromkeys(range(4), 50)
    plans = [plan_batch(by_person, counts, people=2, per_person=2, frames=10, seed=0, step=step, ordered=True, spare=4) for step in range(40)]
    spans = [int(frames[-1] - frames[0]) for plan in plans for frames in plan.frames]
    assert all(len(set(frames)) == 10 and (np.diff(frames) > 0).all() for plan in plans for frames in plan.frames)
    assert max(spans) == 13
    assert min(spans) < 13
    assert all(len(frames) == 10 for frames in plan_batch(by_person, dict.fromkeys(range(4), 11), people=2, per_person=2, frames=10, seed=0, step=0,
                                                         ordered=True, spare=4).frames)


NONE = AugmentationConfig(flip=0, turn=0, tilt=0)


def test_a_share_of_none_changes_no_byte() -> None:
    for number in range(20):
        older = change_of(AugmentationConfig(), stream(number, "a"), 64, 44)
        expected = figure() if older is None else warped({"silhouettes": figure()}, older)["silhouettes"]
        assert (augmented({"silhouettes": figure()}, AugmentationConfig(), stream(number, "a"))["silhouettes"] == expected).all()
    assert all((augmented({"silhouettes": figure()}, NONE, stream(n, "a"))["silhouettes"] == figure()).all() for n in range(20))
    only = augmented({"silhouettes": figure()}, NONE.model_copy(update={"erasing": 1}), stream(4, "a"))["silhouettes"]
    both = augmented({"silhouettes": figure()}, NONE.model_copy(update={"erasing": 1, "flip": 1}), stream(4, "a"))["silhouettes"]
    assert ((both == 0) | (figure()[..., ::-1] == 255)).all()  # the rectangle lies where it lay, whatever else is on
    assert ((only == 0) == ((figure() == 0) | erased_of(stream(4, "a")))).all()


def erased_of(random: np.random.Generator) -> np.ndarray:
    """Where the rectangle lies, as seen on pictures without background."""
    found = augmented({"silhouettes": np.full((1, 64, 44), 255, np.uint8)}, NONE.model_copy(update={"erasing": 1}), random)["silhouettes"]
    return found == 0


def test_a_rectangle_is_erased_of_the_published_size_alike_in_all_frames() -> None:
    shares, ratios = [], []
    for number in range(400):
        gone = erasing.augment({"silhouettes": np.full((2, 64, 44), 255, np.uint8), "pose_heatmaps": np.full((2, 2, 64, 44), 255, np.uint8)},
                               stream(number, "a"))
        rows, columns = (gone["silhouettes"][0] == 0).any(1).sum(), (gone["silhouettes"][0] == 0).any(0).sum()
        assert (gone["silhouettes"] == 0).sum() == 2 * rows * columns
        assert (gone["pose_heatmaps"] == gone["silhouettes"][:, None]).all()
        shares.append(rows * columns / (64 * 44))
        ratios.append(rows / columns)
    assert 0.04 < min(shares) < 0.06 < 0.19 < max(shares) < 0.21
    assert 0.25 < min(ratios) < 0.5 < 2.5 < max(ratios) < 3.7
    assert erasing.rectangle(stream(0, "a"), 2, 1) is None


def test_perspective_stretches_sideways_and_keeps_the_rows() -> None:
    for number in range(50):
        change = perspective.change_of(stream(number, "a"), 64, 44)
        assert change is not None
        for row in (0, 64):
            for column in (0, 44):
                source = np.linalg.solve(change, [column, row, 1.0])
                source /= source[2]
                assert source[1] == pytest.approx(row, abs=1e-3)
                assert -1e-3 < (source[0] if column == 0 else 44 - source[0]) < 10.001
    assert perspective.change_of(stream(0, "a"), 64, 40) is None


def test_an_affine_change_keeps_lines_and_moves_less_than_twenty_pixels() -> None:
    for number in range(50):
        change = affine.change_of(stream(number, "a"), 64, 44)
        assert change is not None
        assert (change[2] == [0, 0, 1]).all()
        assert np.abs(change @ [22, 22, 1] - [22, 22, 1]).max() < 20
    assert affine.change_of(stream(0, "a"), 32, 44) is None


@pytest.mark.parametrize("name", ["perspective", "affine", "erasing"])
def test_published_changes_come_as_often_as_asked_for_and_by_seed_alone(name: str, toy_store: Store) -> None:
    settings = NONE.model_copy(update={name: 0.3})
    full = {"silhouettes": np.tile(np.linspace(1, 255, 44).astype(np.uint8), (1, 64, 1))}
    changed = [(augmented(full, settings, stream(n, "a"))["silhouettes"] != full["silhouettes"]).any() for n in range(600)]
    assert np.mean(changed) == pytest.approx(0.3, abs=0.06)
    config = DataConfig(people_per_batch=4, sequences_per_person=2, frames=3, augmentation=NONE.model_copy(update={name: 1.0}))
    first, again, plain = (TrainingBatches(toy_store, ["silhouettes"], c, 0)[5].inputs["silhouettes"]
                           for c in (config, config, config.model_copy(update={"augmentation": None})))
    assert (first == again).all()
    assert (first != plain).any()
