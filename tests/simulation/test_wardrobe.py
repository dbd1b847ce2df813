"""What people wear: the same for a session, other clothes under `clothing` and in another session, and soles on the ground."""

from dataclasses import replace

import numpy as np
import pytest
from striding import bare, body, outfit_of, walker

from gaitbridge.conventions import CONDITIONS, stream
from gaitbridge.simulation.conditions import Outfit
from gaitbridge.simulation.conditions import _wardrobe as wardrobe
from gaitbridge.simulation.conditions._garments import Wardrobe, dressed
from gaitbridge.simulation.settings import CohortConfig
from gaitbridge.simulation.takes import Take, open_source, plan, render_person, take_of

TIMES = np.linspace(0, 1, 8)


def config(**changes: object) -> CohortConfig:
    given = {"people": {"test": 1}, "takes": [["normal"], ["normal"]], "views": ["090"], "frames": 2, "truth": False, "clothes": "outfits"} | changes
    return CohortConfig.model_validate(given)


def take(number: int, **changes: object) -> Take:
    chosen = config(**changes)
    (person,) = plan(chosen, open_source(chosen.motion))
    return take_of(chosen, person, number, person.name)


def same(first: Outfit, second: Outfit) -> bool:
    return len(first.props) == len(second.props) and np.array_equal(first.inflate_m, second.inflate_m)


def somebody(seed: int = 0) -> Wardrobe:
    """What somebody of the shared shape has to wear."""
    return Wardrobe.drawn(body(), body().shared_shape(), stream(seed, "hair"), stream(seed, "wardrobe"))


def test_an_outfit_is_worn_in_all_takes_of_a_session_but_not_in_clothing() -> None:
    first, again, bag, other = (take(number, takes=[["normal"], ["normal"], ["bag"], ["clothing"]], frames=4).walker.outfit for number in range(4))
    assert same(first, again)
    np.testing.assert_array_equal(first.inflate_m, bag.inflate_m)
    assert len(bag.props) == len(first.props) + 1
    assert not same(first, other)
    np.testing.assert_array_equal(first.reflectivity, again.reflectivity)


def test_other_sessions_have_other_clothes_and_labels_say_which() -> None:
    outfits = [take(number, sessions=2).walker.outfit for number in range(4)]
    assert same(outfits[0], outfits[1])
    assert same(outfits[2], outfits[3])
    assert not same(outfits[0], outfits[2])
    chosen = config(sessions=2)
    (person,) = plan(chosen, open_source(chosen.motion))
    labels = [sequence.labels for sequence in render_person(chosen, person, person.name)]
    assert [(one.take, one.session) for one in labels] == [(0, 0), (1, 0), (2, 1), (3, 1)]
    assert len({one.key for one in labels}) == 4


def test_a_uniform_is_the_same_on_all_but_their_hair_and_shoes() -> None:
    rest = body().rest(body().shared_shape())
    first, second = (somebody(seed).uniform(body(), rest) for seed in (1, 2))
    trunk = np.isin(body().bone_of_vertex, [body().joint_names.index(name) for name in ("LowerBack", "Spine", "LeftArm", "RightForeArm")])
    np.testing.assert_array_equal(first.inflate_m[trunk], second.inflate_m[trunk])
    assert not np.array_equal(first.inflate_m, second.inflate_m)


@pytest.mark.parametrize("shoes", [wardrobe.Shoes(0.035, 0.0, 2.0, 0.01, 0.2), wardrobe.Shoes(0.01, 0.07, 2.0, 0.005, 0.2)], ids=["soles", "heels"])
def test_soles_stand_on_the_ground_and_raise_the_person(shoes: wardrobe.Shoes) -> None:
    worn = walker(dressed(body(), body().rest(body().shared_shape()), replace(somebody().worn, shoes=shoes)))
    naked = walker(bare())
    lowest = worn.dressed(TIMES).vertices_m[..., 2].min(1) - naked.dressed(TIMES).vertices_m[..., 2].min(1)
    assert np.abs(lowest).max() < 0.02
    raised = worn.dressed(TIMES).joints_m[:, 0, 2] - naked.dressed(TIMES).joints_m[:, 0, 2]
    assert raised.min() > shoes.sole + 0.5 * shoes.heel - 0.002


@pytest.mark.parametrize("condition", CONDITIONS)
def test_outfits_under_every_condition_are_whole_and_come_again(condition: str) -> None:
    first, again = (take(0, takes=[[condition]], seed=3).walker for _ in range(2))
    vertices = first.dressed(TIMES).vertices_m
    assert np.isfinite(vertices).all()
    assert vertices.shape[1] == first.triangles.max() + 1
    assert len(first.part_of_triangle) == len(first.reflectivity_of_triangle) == len(first.belonging_of_triangle) == len(first.triangles)
    assert 0.03 < first.reflectivity_of_triangle.min() <= first.reflectivity_of_triangle.max() < 0.9
    np.testing.assert_array_equal(vertices, again.dressed(TIMES).vertices_m)


def test_people_fill_as_much_of_the_picture_as_real_ones() -> None:
    areas = []
    chosen = config(people={"test": 12}, takes=[["normal"]], views=["000", "045", "090", "225"], segmentation_error=0)
    for person in plan(chosen, open_source(chosen.motion)):
        areas += [(sequence.arrays["silhouettes"] > 0).mean() for sequence in render_person(chosen, person, person.name)]
    assert 0.26 < np.median(areas) < 0.30  # the first version's: 0.25; real ones': 0.28


def test_few_vertices_are_added() -> None:
    count = len(body().bone_of_vertex)
    added = [walker(outfit_of("normal", seed, somebody(seed))) for seed in range(40)]
    assert max(one.dressed(TIMES[:1]).vertices_m.shape[1] - count for one in added) <= 500
