"""What a learnt segmenter and background subtraction make of a walk: whose pixels, how large errors are, which stay and which do not."""

from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from walking_figure import LENS, facing, figure, overlap

from gaitbridge.geometry.rays import RayScene
from gaitbridge.simulation.sensors import _segmenter as segmenter
from gaitbridge.simulation.sensors import silhouette_camera as camera
from gaitbridge.simulation.sensors._pieces import without_specks
from gaitbridge.simulation.sensors._segmenter import CARRIED, OF_BAG, OF_PERSON
from gaitbridge.simulation.sensors._soft_masks import PAD, SLOPE, spread
from gaitbridge.simulation.sensors.silhouette_camera import SiteErrors, segmented, site_errors, subtracted
from gaitbridge.simulation.settings import CohortConfig
from gaitbridge.simulation.takes import open_source, plan, render_person

VIEWS, DEGREES = ["000", "090", "135", "200"], [0.0, 90.0, 135.0, 200.0]


@lru_cache(maxsize=1)
def walk() -> np.ndarray:
    """Classes of four views of one walk: uint8 [4, 20, 64, 44]."""
    poses = np.stack([facing(8, angle)[0] for angle in DEGREES])
    frames = []
    for t in range(20):
        mesh = figure(round(0.45 * float(np.sin(2 * np.pi * t / 10)), 3))
        frames.append(camera.render_many(RayScene(*mesh[:2]), LENS, poses, mesh[0]).masks > 0)
    return np.stack(frames, axis=1) * np.uint8(OF_PERSON)


def errors(person: str = "p0", site: int = 0, garment: str = "0") -> SiteErrors:
    return site_errors(7, site, person, garment, "0", VIEWS, DEGREES)


def cut(person: str = "p0", site: int = 0, moment: int = 0, level: float = 1.0, night: bool = False, garment: str = "0") -> np.ndarray:
    return segmented(walk(), errors(person, site, garment), np.random.default_rng(moment), level, night)


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.median(overlap(one.reshape(-1, 64, 44), other.reshape(-1, 64, 44))))


def test_errors_are_as_large_as_learnt_segmenters_make_them() -> None:
    clean, people = walk() * np.uint8(255), [f"p{number}" for number in range(6)]
    own = np.mean([likeness(cut(person), clean) for person in people])
    sites = np.mean([likeness(cut(person), cut(person, site=1)) for person in people])
    little = np.mean([likeness(cut(person, level=0.5), clean) for person in people])
    night = np.mean([likeness(cut(person, night=True), clean) for person in people])
    assert 0.88 < own < 0.96
    assert 0.86 < sites < 0.94
    assert own + 0.02 < little < 1.0
    assert night < 0.7


def test_what_stays_is_the_same_in_all_takes_of_a_site() -> None:
    clean = walk() > 0

    def mistakes(**named: Any) -> np.ndarray:
        """The mean mistakes of a walk in sixteen takes: what is of the moment averages out."""
        found = [(cut(moment=moment + 100 * len(str(named)), **named) > 0).astype(float) - clean for moment in range(16)]
        return np.mean(found, axis=0).ravel()

    same = np.corrcoef(mistakes(), mistakes(garment="0"))[0, 1]
    others = {name: np.corrcoef(mistakes(), mistakes(**{name: value}))[0, 1]
              for name, value in (("site", 1), ("person", "p1"), ("garment", "clothing"))}  # fmt: skip
    assert same > 0.85
    assert others["site"] < others["person"] < same - 0.005
    assert others["garment"] < same - 0.005


def test_opposite_views_see_a_persons_errors_mirrored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BACKGROUND", "LIGHT"):
        monkeypatch.setattr(segmenter, name, 0.0)
    front, back, side = site_errors(7, 0, "p0", "0", "0", ["000", "180", "090"], [0.0, 180.0, 90.0]).offsets_px
    np.testing.assert_allclose(front, back[:, ::-1], atol=1e-6)
    assert np.abs(front - side).max() > 0.1


def roughness(masks: np.ndarray) -> float:
    """Pixels that a 3 x 3 median changes, in 100 of outline."""
    on = masks.reshape(-1, 64, 44) > 0
    around = [np.roll(on, (down, right), (1, 2)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return float(100 * ((np.sum(around, axis=0) > 4) != on).sum() / (on & ~np.all(around, axis=0)).sum())


def test_segmenters_are_smoother_than_the_pixels_and_background_subtraction_is_rougher() -> None:
    clean, people = walk() * np.uint8(255), [f"p{number}" for number in range(4)]
    smooth = [cut(person) for person in people]
    rough = [subtracted(clean, errors(person), np.random.default_rng(0), 1.0) for person in people]
    assert np.mean([roughness(masks) for masks in smooth]) < roughness(clean)
    assert np.mean([roughness(masks) for masks in rough]) > 1.3 * np.mean([roughness(masks) for masks in smooth])
    assert 0.78 < np.mean([likeness(a, b) for a, b in zip(smooth, rough, strict=True)]) < 0.9


def test_bags_are_half_in_and_what_is_carried_is_not() -> None:
    classes = walk()[1:2].copy()
    person = classes == OF_PERSON
    classes[:, :, 20:34, 26:36][~person[:, :, 20:34, 26:36]] = OF_BAG  # sticks out to one side
    bag = classes == OF_BAG
    shares = []
    for number in range(40):
        stays = site_errors(7, number % 4, "p0", "0", str(number), VIEWS[1:2], DEGREES[1:2])
        shares.append([(segmented(classes, stays, np.random.default_rng(moment), 1.0) > 0)[bag].mean() for moment in (0, 1)])
    first, second = np.array(shares).T
    assert 0.2 < first.mean() < 0.8
    assert first.std() > 0.2
    assert np.abs(first - second).mean() < 0.1  # the same bag in another take
    classes[bag] = CARRIED
    box, alone = (segmented(one, stays, np.random.default_rng(0), 1.0) for one in (classes, np.where(person, classes, 0)))
    np.testing.assert_array_equal(box, alone)
    classes[person & (np.arange(64)[:, None] < 34) & (np.arange(64)[:, None] > 20) & (np.arange(44) > 20)] = OF_BAG  # and one on the back
    assert segmenter.people(classes).sum() > 0.95 * person.sum()


def upright() -> np.ndarray:
    """Classes [1, 1, 64, 44] of a plain person: a head, a trunk and two legs."""
    classes = np.zeros((1, 1, 64, 44), np.uint8)
    for top, bottom, left, right in ((0, 10, 18, 26), (10, 36, 13, 31), (36, 64, 13, 20), (36, 64, 24, 31)):
        classes[..., top:bottom, left:right] = OF_PERSON
    return classes


def test_the_body_goes_on_behind_what_is_carried_before_it() -> None:
    person = upright() == OF_PERSON
    box, juts, shaft = (upright() for _ in range(3))
    box[..., 16:28, 10:34] = CARRIED  # wider than the trunk on both sides: it cuts the mask in two
    juts[..., 16:28, 31:40] = CARRIED
    shaft[..., 2:24, 21:23] = CARRIED
    shaft[..., 0:2, 10:34] = CARRIED
    for classes in (box, juts):
        np.testing.assert_array_equal(segmenter.people(classes), person)
    np.testing.assert_array_equal(segmenter.people(shaft)[..., 2:, :], person[..., 2:, :])
    narrow = upright()
    narrow[..., 36:50, :] = CARRIED
    narrow[..., 50:, :] = 0
    narrow[..., 50:, 14:17] = OF_PERSON  # three columns of a leg below a suitcase make no pillar
    assert not segmenter.people(narrow)[..., 36:50, :].any()


def test_slivers_and_specks_beside_a_bag_are_dropped_but_not_what_is_large() -> None:
    classes, person = upright(), upright() == OF_PERSON
    classes[..., 20:34, 31:36] = OF_BAG
    classes[..., 22:30, 36] = OF_PERSON  # a rim of the arm behind the bag
    classes[..., 40:42, 38:40] = OF_PERSON  # a hand apart
    found = segmenter.people(classes)
    assert not found[..., 36:].any()
    assert not (person & ~found).any()
    halves = upright()
    halves[..., 28:34, :] = 0
    np.testing.assert_array_equal(without_specks(halves), halves)
    both = np.concatenate([classes == OF_PERSON, halves == OF_PERSON, np.zeros_like(person)], axis=1)
    left = without_specks(both)
    assert left.dtype == bool
    assert both[:, 0].sum() - left[:, 0].sum() == 12
    np.testing.assert_array_equal(left[:, 1:], both[:, 1:])


def test_by_day_a_hand_or_a_lower_leg_is_lost_and_by_night_more() -> None:
    person = walk() > 0

    def lost(night: bool) -> np.ndarray:
        """The share of the person that is lost, of many frames."""
        found = []
        for seed in range(40):
            offsets = segmenter._events(np.random.default_rng(seed), 4, 20, 10.0, (64, 44), night)
            gone = spread(offsets, 64, 44)[..., PAD:-PAD, PAD:-PAD] * SLOPE < -0.5
            found.append((person & gone).sum((2, 3)) / person.sum((2, 3)))
        return np.concatenate(found)

    day, night = lost(False), lost(True)
    assert (day > 0.03).mean() > 0.002
    assert (day > 0.15).mean() < 0.001
    assert (night > 0.15).mean() > 0.003


@pytest.mark.parametrize("model", [segmented, subtracted])
def test_masks_are_aligned_follow_the_seed_and_stay_empty(model: Any) -> None:
    clean = walk() if model is segmented else walk() * np.uint8(255)
    one, again, other = (model(clean, errors(), np.random.default_rng(seed), 1.0) for seed in (3, 3, 4))
    assert one.tobytes() == again.tobytes() != other.tobytes()
    assert one.dtype == np.uint8
    assert set(np.unique(one)) == {0, 255}
    assert one[:, :, 0].any(2).mean() > 0.6
    assert one[:, :, -1].any(2).mean() > 0.6
    total = (one > 0).sum(2).cumsum(2)
    assert np.abs(np.argmax(total > total[..., -1:] / 2, axis=2) - 22).mean() < 1.5
    np.testing.assert_array_equal(model(clean, errors(), np.random.default_rng(0), 0.0), walk() * np.uint8(255))
    with pytest.raises(ValueError, match="negative"):
        model(clean, errors(), np.random.default_rng(0), -1.0)
    empty = clean.copy()
    empty[:, 3] = 0
    for night in (False, True):
        assert not model(empty, errors(), np.random.default_rng(0), 2.0, night)[:, 3].any()
    assert model(clean[:, :0], errors(), np.random.default_rng(0), 1.0).shape == (4, 0, 64, 44)
    assert model(clean[:, :1], errors(), np.random.default_rng(0), 1.0).shape == (4, 1, 64, 44)


def silhouettes(**named: Any) -> dict[str, dict[str, np.ndarray]]:
    """The arrays of one person's sequences by condition."""
    config = CohortConfig.model_validate(
        {"people": {"test": 1}, "takes": [["normal"], ["normal"], ["umbrella"], ["night"]], "views": ["090"], "frames": 4, "truth": False,
         "silhouettes": "segmenter", "extras": ["clean_silhouettes"], "seed": 3} | named
    )  # fmt: skip
    (person,) = plan(config, open_source(config.motion))
    return {f"{one.labels.condition}-{one.labels.take}": dict(one.arrays) for one in render_person(config, person, person.name)}


def test_simulated_segmenters_see_the_person_alone() -> None:
    whole, person = (silhouettes(silhouettes=name, segmentation_error=0) for name in ("outline", "segmenter"))
    np.testing.assert_array_equal(whole["normal-0"]["silhouettes"], person["normal-0"]["silhouettes"])
    for arrays in person.values():
        np.testing.assert_array_equal(arrays["silhouettes"], arrays["clean_silhouettes"])
    wide = [(one["umbrella-0"]["silhouettes"] > 0)[:, :6].any(1).sum(1).mean() for one in (whole, person)]
    assert wide[0] > 1.5 * wide[1]  # no umbrella above the head
    assert (whole["umbrella-0"]["silhouettes_box"][:, 0] < person["umbrella-0"]["silhouettes_box"][:, 0] - 5).all()  # so the crop is lower


def test_sites_and_nights_change_the_camera_alone() -> None:
    one, other = (silhouettes(site=site, lidar_returns="plain") for site in (0, 1))  # a site's LiDARs have a ground removal of their own
    for name, arrays in one.items():
        assert (arrays["silhouettes"] != other[name]["silhouettes"]).any()
        np.testing.assert_array_equal(arrays["clean_silhouettes"], other[name]["clean_silhouettes"])
        np.testing.assert_array_equal(arrays["range_views"], other[name]["range_views"])
    dark, light = (likeness(one[name]["silhouettes"], one[name]["clean_silhouettes"]) for name in ("night-0", "normal-0"))
    assert dark < light - 0.15
