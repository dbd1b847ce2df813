"""The map of people: near where embeddings are near, the same for a seed, bounded and said so, and of names whatever they hold."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gaitbridge.errors import UserError
from gaitbridge.evaluation.embedding.file import EmbeddingsFile
from gaitbridge.report.people_map import people_map
from gaitbridge.report.people_map_plots import SHAPES, colours_of, draw_map, map_figure, map_note


def embedded(people: int = 6, walks: int = 6, sensor: str = "camera", weights: str = "w", name: str = "p") -> EmbeddingsFile:
    """Walks of people far apart, the same places for every sensor."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(people, 4, 3))
    values = (centres.repeat(walks, 0) + 0.1 * random.normal(size=(people * walks, 4, 3))).astype(np.float32)
    whom = np.asarray([f"{name}{number:03d}" for number in range(people)]).repeat(walks)
    types = np.asarray([f"{('bag', 'normal')[n % 2]}-{n // 2}" for n in range(walks)] * people)
    conditions = np.asarray([one.partition("-")[0] for one in types])
    views, sensors = np.full(len(whom), "090"), np.full(len(whom), sensor)
    return EmbeddingsFile(Path(f"{sensor}.npz"), values, whom, types, views, sensors, {"weights_hash": weights}, {"conditions": conditions})


def test_people_far_apart_are_groups_and_the_same_each_time() -> None:
    files = [embedded(), embedded(sensor="lidar")]
    drawn = people_map(files)
    assert (drawn.nearest, drawn.on_map) == (1.0, 1.0)
    assert drawn.asked == (72, 6)
    assert map_note(drawn) == "72 walks of 6 people"
    again = people_map(files)
    np.testing.assert_array_equal(drawn.places, again.places)


def test_a_large_store_is_sampled_the_same_walks_of_both_sensors() -> None:
    files = [embedded(30, 8), embedded(30, 8, "lidar")]
    drawn = people_map(files, most=40, most_people=5)
    assert len(drawn) == 40
    assert map_note(drawn) == "40 of 480 walks of 5 of 30 people, drawn at random"
    camera, lidar = (drawn.keys[drawn.sensors == sensor] for sensor in ("camera", "lidar"))
    assert sorted(camera) == sorted(lidar)
    assert set(people_map(files, 1, most=40, most_people=5).people) != set(drawn.people), "another seed draws others"


def test_every_point_says_what_it_is() -> None:
    drawn = people_map([embedded(name="<b>$x$"), embedded(sensor="lidar", name="<b>$x$")])
    figure = json.loads(map_figure(drawn).to_json())
    points = [(trace, row) for trace in figure["data"] if trace.get("customdata") for row in range(len(trace["customdata"]))]
    assert len(points) == len(drawn)
    for trace, row in points:
        key, condition, view, sensor = trace["customdata"][row]
        assert trace["name"].startswith("&lt;b>$x$")
        assert key.startswith(trace["name"])
        assert condition in key
        assert view == "090"
        shapes = dict(zip(("bag", "normal"), SHAPES, strict=False))
        assert trace["marker"]["symbol"][row] == shapes[condition][0] + ("-open" if sensor == "LiDAR" else "")
    assert len({trace["marker"]["color"] for trace, _ in points}) == 6
    assert {trace["name"] for trace in figure["data"] if trace.get("legend") == "legend2"} == {"bag", "normal", "camera", "LiDAR"}


def test_a_picture_shows_each_persons_colour(tmp_path: Path) -> None:
    drawn = people_map([embedded(name="$\\frac{")])  # a name that is no formula
    with Image.open(draw_map(drawn, tmp_path / "map.png")) as picture:
        found = np.unique(np.asarray(picture.convert("RGB"), int).reshape(-1, 3), axis=0)
    for colour in colours_of([str(name) for name in np.unique(drawn.people)]).values():
        inked = 0.85 * np.asarray([int(colour[n : n + 2], 16) for n in (1, 3, 5)]) + 0.15 * 255  # on white
        assert np.abs(found - inked).max(1).min() <= 2


def test_many_people_have_a_colour_each() -> None:
    colours = colours_of([f"p{number}" for number in range(50)])
    assert len(set(colours.values())) == 50


def test_what_cannot_be_mapped_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="one network's embeddings"):
        people_map([embedded(), embedded(sensor="lidar", weights="other")])
    with pytest.raises(UserError, match="too few"):
        people_map([embedded(1, 4)])
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(UserError, match=r"gaitbridge\[maps\]"):
        people_map([embedded()])
