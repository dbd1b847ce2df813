"""Pictures: what is drawn is what is in the store, at the same moments."""

import json
from pathlib import Path

import fake_run  # its import lets fake_store be found
import numpy as np
import pytest
from fake_store import make_store, write_sides
from matplotlib import colormaps
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from gaitbridge.errors import UserError
from gaitbridge.evaluation.scoring.rows import write_evaluation
from gaitbridge.report import pictures
from gaitbridge.report.hero import draw_hero, first_example, hero_sequence
from gaitbridge.report.inspect import describe_store, store_tables
from gaitbridge.store import Store, finish_store, write_shard
from gaitbridge.types import Labels, Sequence

MISSING = "p0001/bag-0/045"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("pictures") / "store", people=4, missing=(MISSING,))


def test_near_is_warm_far_is_cold_nothing_is_blank() -> None:
    view = np.asarray([[5.0, 5.5], [6.0, np.nan]], np.float32)
    drawn = pictures.draw_range(view, 5.0, 6.0).astype(int)
    assert drawn.shape == (2, 2, 4)
    assert drawn[1, 1].tolist() == pictures.BLANK.tolist()
    assert drawn[0, 0, 0] > drawn[0, 0, 2]  # near: more red than blue
    assert drawn[1, 0, 0] < drawn[1, 0, 2]
    assert drawn[0, 1].tolist() == list(colormaps[pictures.RANGE_COLOURS](0.5, bytes=True))


def test_an_empty_range_view_is_blank_and_a_flat_one_is_not_stretched() -> None:
    nothing = pictures.draw_range(np.full((3, 2), np.nan, np.float32))
    assert (nothing == pictures.BLANK).all()
    flat = pictures.draw_range(np.asarray([[7.0, 7.001]], np.float32)).astype(int)
    assert np.abs(flat[0, 0] - flat[0, 1]).max() < 10


def test_a_silhouette_is_dark_on_light() -> None:
    drawn = pictures.draw_silhouette(np.asarray([[0, 255]], np.uint8))
    assert drawn[0].tolist() == [pictures.BLANK.tolist(), pictures.INK.tolist()]


def test_frames_are_taken_at_the_same_moments(tmp_path: Path) -> None:
    """A camera three times as fast as the LiDAR, started later."""
    arrays: dict[str, np.ndarray] = {
        "silhouettes": np.zeros((30, 4, 4), np.uint8),
        "silhouettes_time_s": np.arange(30) / 30 + 0.02,
        "range_views": np.ones((10, 4, 4), np.float32),
        "range_views_time_s": np.arange(10) / 10,
    }
    write_shard(tmp_path, "a", [Sequence(Labels("p/normal-0/000", "p", "test", "normal", 0, "000", 0.0, 9.0), arrays)])
    finish_store(tmp_path, ["a"], {})
    chosen = pictures.pick_frames(Store(tmp_path), 0, 4)
    assert len(chosen["silhouettes"]) == len(chosen["range_views"]) == 4
    apart = arrays["silhouettes_time_s"][chosen["silhouettes"]] - arrays["range_views_time_s"][chosen["range_views"]]
    assert np.abs(apart).max() <= 0.5 / 30 + 0.02
    assert pictures.strip(Store(tmp_path), 0, "silhouettes", chosen["silhouettes"]).shape == (4, 4 * 4 + 3 * 2, 4)


def test_a_thumbnail_is_a_wide_frame(tmp_path: Path) -> None:
    silhouettes = np.zeros((5, 4, 6), np.uint8)
    silhouettes[2, :, 2:4], silhouettes[3, 1, 1:5] = 255, 255
    arrays = {"silhouettes": silhouettes}
    write_shard(tmp_path, "a", [Sequence(Labels("p/normal-0/000", "p", "test", "normal", 0, "000", 0.0, 9.0), arrays)])
    finish_store(tmp_path, ["a"], {})
    assert (pictures.thumbnail(Store(tmp_path), 0, "silhouettes") == pictures.draw_silhouette(silhouettes[3])).all()
    write_shard(tmp_path / "empty", "a", [Sequence(Labels("p/n-0/0", "p", "test", "normal", 0, "0", 0.0, 9.0), {"silhouettes": silhouettes[:2]})])
    finish_store(tmp_path / "empty", ["a"], {})
    assert (pictures.thumbnail(Store(tmp_path / "empty"), 0, "silhouettes") == pictures.BLANK).all()
    with pytest.raises(UserError, match="has no range_views"):
        pictures.thumbnail(Store(tmp_path), 0, "range_views")


def test_a_png_is_the_image_that_was_given(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (3, 5, 4)).astype(np.uint8)
    (tmp_path / "a.png").write_bytes(pictures.png_bytes(image, scale=2))
    back = np.rint(imread(tmp_path / "a.png") * 255).astype(np.uint8)
    assert back.shape == (6, 10, 4)
    assert (back[::2, ::2] == image).all()


def test_bones_are_the_pairs_that_keep_their_length() -> None:
    """Two legs that swing against each other: the feet come close, and are no bone."""
    angle = 0.5 * np.sin(np.linspace(0, 6, 40))
    hip, zero = np.tile([0.0, 0.0, 1.0], (40, 1)), np.zeros(40)
    knee = [hip + 0.5 * np.stack([side * np.sin(angle), zero, -np.cos(angle)], 1) for side in (1, -1)]
    foot = [one + 0.5 * np.stack([side * np.sin(angle / 2), zero, -np.cos(angle / 2)], 1) for side, one in zip((1, -1), knee, strict=True)]
    joints = np.stack([hip, knee[0], knee[1], foot[0], foot[1]], 1)
    assert pictures.bones(joints) == [(0, 1), (0, 2), (1, 3), (2, 4)]


@pytest.mark.parametrize("key", ["p0000/normal-0/090", MISSING])
def test_sequences_are_drawn_with_what_they_have(store: Store, key: str, tmp_path: Path) -> None:
    image = imread(pictures.draw_sequence(store, key, tmp_path / "s.png"))
    coloured = (np.ptp(image[..., :3], axis=2) > 0.5).mean()
    assert (coloured > 0.01) == (key != MISSING)  # only range views are colourful


def test_unknown_keys_name_the_nearest(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"did you mean 'p0000/normal-1/090'"):
        pictures.draw_sequence(store, "p00000/norml-1/090", tmp_path / "s.png")
    with pytest.raises(UserError, match=r"keys look like 'p0000/normal-0/000'"):
        pictures.draw_sequence(store, "zzz", tmp_path / "s.png")
    with pytest.raises(UserError, match="has no range_views"):
        pictures.strip(store, store.row_of_key[MISSING], "range_views")
    assert list(tmp_path.iterdir()) == []


def test_the_hero_shows_a_normal_test_walk_and_a_retrieval(store: Store, tmp_path: Path) -> None:
    shown = store.rows[hero_sequence(store)]
    assert (shown["split"], shown["condition"]) == ("test", "normal")
    sides = fake_run.knowing_embeddings(store, "silhouettes"), fake_run.knowing_embeddings(store, "range_views")
    write_evaluation(write_sides(tmp_path, store, *sides), store, "simulated", 0, tmp_path)
    retrieval = json.loads((tmp_path / "retrieval.json").read_text())
    example = first_example(retrieval, store)
    assert example is not None
    assert example["correct"]
    assert example["probe_modality"] == "camera"
    tall, short = (imread(draw_hero(store, document, tmp_path / "h.png")) for document in (retrieval, None))
    assert len(tall) > len(short) + 200
    green = np.abs(tall[len(short) :, :, :3] - to_rgb(pictures.RIGHT)).max(2) < 0.02
    assert green.sum() > 500  # the frame around who was found


def test_describe_store_counts(store: Store) -> None:
    tables = {table.title: {line[0]: line[1:] for line in table.lines} for table in store_tables(store)}
    assert tables["By split"]["test"] == ("4", "48", "48", "47")
    assert tables["By condition"]["bag"] == ("4", "16", "16", "15")
    assert tables["By view"]["045"] == ("4", "12", "12", "11")
    assert tables["Store"]["LiDAR"] == ("47 sequences, 188 frames, 4 a sequence",)
    assert tables["Store"]["content hash"] == (store.content_hash,)
    assert [str(table.title).strip() for table in describe_store(store)] == list(tables)
