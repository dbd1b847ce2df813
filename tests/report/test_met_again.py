"""Walkers behind stored sequences: shown where they are the ones that were stored, and nobody else in their place."""

import json
from pathlib import Path

import numpy as np
import pytest
from fake_store import make_store
from matplotlib.image import imread
from PIL import Image

from gaitbridge.cli import app
from gaitbridge.report.cards import CAMERA, LIDAR, walk_card, walker_strip
from gaitbridge.report.met_again import walker_of
from gaitbridge.simulation.cohort import simulate
from gaitbridge.simulation.settings import VERSION_1, CohortConfig
from gaitbridge.store import Store

KEY = "p0000/bag-0/090"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("met") / "store"
    config = CohortConfig(people={"test": 1}, takes=(("normal",), ("bag",)), views=("000", "090"), frames=4, clothes="outfits", truth=False)
    simulate(folder, config, workers=0)
    return Store(folder)


def changed(store: Store, tmp_path: Path, **settings: object) -> Store:
    """The store with other settings in its document."""
    document = json.loads((store.path / "store.json").read_text())
    document["about"]["config"] |= settings
    for name in ("shards", "index.parquet"):
        (tmp_path / name).symlink_to(store.path / name)
    (tmp_path / "store.json").write_text(json.dumps(document))
    return Store(tmp_path)


def test_a_walker_is_met_again_without_stored_truth(store: Store) -> None:
    shown = walker_of(store, store.row_of_key[KEY], [0.1, 0.4])
    assert shown is not None
    assert len(shown) == 2
    assert np.linalg.norm(shown[1].place_m - shown[0].place_m) > 0.2
    assert np.ptp(shown[0].mesh.vertices_m[:, 2]) == pytest.approx(1.7, abs=0.35)


@pytest.mark.parametrize("settings", [{"seed": 5}, {"clothes": "layer"}, {"views": ["090"]}, {"motion": "bvh:nowhere"}, {"unheard": 1}])
def test_nobody_else_is_shown_in_their_place(store: Store, tmp_path: Path, settings: dict[str, object]) -> None:
    assert walker_of(changed(store, tmp_path, **settings), store.row_of_key[KEY], [0.1]) is None


def test_settings_that_came_later_are_the_first_versions(store: Store, tmp_path: Path) -> None:
    """A store of before they were: its document does not name them."""
    folder = tmp_path / "old"
    simulate(folder, CohortConfig(people={"test": 1}, takes=(("normal",),), views=("000",), frames=2, **VERSION_1), workers=0)
    document = json.loads((folder / "store.json").read_text())
    for name in VERSION_1:
        del document["about"]["config"][name]
    (folder / "store.json").write_text(json.dumps(document))
    assert walker_of(Store(folder), 0, [0.1]) is not None


def test_a_store_of_unknown_origin_shows_its_two_sensors(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", people=2)
    assert walker_of(store, 0, [0.0]) is None
    assert walker_strip(store, 0) is None
    frames, hz = walk_card(store, 0, scale=2)
    assert len(frames) == 4
    assert hz > 0
    assert frames[0].shape[1] < 4 * 44 + 50, f"no more than {CAMERA} and {LIDAR}"


def test_inspect_draws_the_walker_still_and_moving(store: Store, tmp_path: Path) -> None:
    for name in ("a.png", "a.webp"):
        app(["inspect", str(store.path), KEY, "--out", str(tmp_path / name)], exit_on_error=False, result_action="return_value")
    with Image.open(tmp_path / "a.webp") as opened:
        assert opened.n_frames == 4  # type: ignore[attr-defined]
        assert opened.width > 900
    with_walker = imread(tmp_path / "a.png")
    (tmp_path / "b").mkdir()
    app(["inspect", str(changed(store, tmp_path / "b", seed=5).path), KEY, "--out",
         str(tmp_path / "b.png")], exit_on_error=False, result_action="return_value")
    assert len(with_walker) > len(imread(tmp_path / "b.png")) + 100
