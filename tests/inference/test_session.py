"""`gaitbridge.load` gives a model that embeds by name and refuses what it cannot take."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_walks import NOT_WALKS, walker

import gaitbridge
from gaitbridge.config import checked, overridden
from gaitbridge.errors import UserError
from gaitbridge.inference.session import Model
from gaitbridge.store import Store
from gaitbridge.training.config import RunConfig, recipe
from gaitbridge.training.loop import train
from gaitbridge.types import Embeddings


@pytest.fixture(scope="module")
def model(toy_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Model:
    settings = ["data.people_per_batch=4", "data.sequences_per_person=2", "data.frames=2", "steps=3", "precision=float32", "network.channels=[8,8]",
                "network.strides=[2,2]", "network.stem_stride=1", "network.parts=8"]
    run = tmp_path_factory.mktemp("runs") / "run"
    train(checked(RunConfig, overridden(recipe("diffcrossgait/tiny").model_dump(mode="json"), settings)), toy_store, run)
    for file in run.rglob("ob*.safetensors"):
        file.unlink()  # the objective is not even there
    return gaitbridge.load(run)


def silhouettes(*lengths: int) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [(random.random((length, 64, 44)) > 0.5).astype(np.uint8) * 255 for length in lengths]


def test_embed_keeps_order_and_mixes_lengths(model: Model) -> None:
    arrays = silhouettes(5, 1, 3)
    together = model.embed(least_quality=0, silhouettes=arrays)
    assert together.values.shape == (3, 64, 8)
    assert together.values.dtype == np.float32
    assert together.modality == "silhouettes"
    assert together.frames == (5, 1, 3) == Embeddings.joined([together.between(0, 2), together.between(2, 3)]).frames
    assert Embeddings.joined([together, replace(together, frames=())]).frames == ()
    for array, value in zip(arrays, together.values, strict=True):
        assert np.allclose(model.embed(least_quality=0, silhouettes=[array]).values[0], value, atol=1e-5)


def test_distance_is_zero_to_itself_and_across_modalities_finite(model: Model) -> None:
    a = model.embed(least_quality=0, silhouettes=silhouettes(2, 2))
    b = model.embed(least_quality=0, range_views=[metres(2), metres(4), metres(1)])
    assert gaitbridge.distance(a, b).shape == (2, 3)
    assert np.allclose(np.diag(gaitbridge.distance(a, a)), 0, atol=1e-3)


def test_frames_where_nothing_came_back_are_embedded(model: Model) -> None:
    nothing = np.full((2, 64, 44), np.nan, np.float32)
    one_frame = nothing.copy()
    one_frame[0, 20:40, 20:30] = 8.0
    assert np.isfinite(model.embed(least_quality=0, range_views=[one_frame]).values).all()
    assert np.isfinite(model.embed_stored(range_views=[nothing]).values).all()  # a walk of a store, which protocols count


def metres(frames: int = 2) -> np.ndarray:
    return np.where(silhouettes(frames)[0] > 0, 8.0, np.nan).astype(np.float32)


@pytest.mark.parametrize(("given", "message"), [
    ({"silhouettes": [silhouettes(2)[0] // 255]}, r"silhouettes\[0\] holds 0 and 1, not 0 to 255: multiply it by 255"),
    ({"silhouettes": [*silhouettes(2), silhouettes(2)[0] > 0]}, r"silhouettes\[1\] must be uint8 \[T, H, W\], not bool .*astype"),
    ({"silhouettes": [silhouettes(2)[0].astype(np.float32)]}, r"must be uint8 \[T, H, W\], not float32 \[2, 64, 44\]"),
    ({"silhouettes": [np.zeros((3, 64, 44), np.uint8)]}, r"silhouettes\[0\] has no pixel in any of its 3 frames"),
    ({"silhouettes": np.stack(silhouettes(2, 2))}, r"a list with one array a walk, not one array \[2, 2, 64, 44\]: write list\(array\)"),
    ({"silhouettes": silhouettes(2)[0]}, r"not one array \[2, 64, 44\]"),
    ({"silhouettes": np.zeros((0, 64, 44), np.uint8)}, "not one array"),
    ({"silhouettes": None}, "a list with one array a walk, not a NoneType"),
    ({"silhouettes": "walks"}, "not a str"),
    ({"silhouettes": {"a": silhouettes(2)[0]}}, "not a dict"),
    ({"silhouettes": (array for array in silhouettes(2))}, "not a generator"),
    ({"silhouettes": [silhouettes(2)[0].tolist()]}, r"silhouettes\[0\] must be a NumPy array"),
    ({"range_views": [metres() * 1000]}, r"range_views\[0\] holds ranges up to 8000 m, more than 131 \(are they in metres\?\)"),
    ({"range_views": [np.nan_to_num(metres())]}, "holds ranges of 0: put NaN"),
    ({"range_views": [np.nan_to_num(metres(), nan=-1.0)]}, r"holds ranges below 0 \(down to -1\)"),
    ({"range_views": [metres(), -metres()]}, r"range_views\[1\] holds ranges below 0"),
    ({"range_views": [np.nan_to_num(metres(), nan=np.inf)]}, "holds infinity"),
    ({"range_views": [np.full((2, 64, 44), np.nan, np.float32)]}, "has no range in any of its 2 frames"),
    ({"range_views": [metres().astype(np.float64)]}, "must be float32"),
])
def test_values_that_are_none_are_one_clear_line(model: Model, given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as refused:
        model.embed(**given)
    assert "\n" not in str(refused.value)


def test_one_frame_is_a_walk(model: Model) -> None:
    assert model.embed(least_quality=0, silhouettes=silhouettes(1)).values.shape == (1, 64, 8)
    assert model.embed(least_quality=0, range_views=[metres(1)]).values.shape == (1, 64, 8)


def test_a_distance_is_of_embeddings(model: Model) -> None:
    made = model.embed(least_quality=0, silhouettes=silhouettes(2))
    for other in (made.values, None, [made]):
        with pytest.raises(UserError, match="between Embeddings"):
            gaitbridge.distance(made, other)  # type: ignore[arg-type]
    broken = replace(made, values=made.values * np.float32(np.nan))
    with pytest.raises(UserError, match="not finite"):
        gaitbridge.distance(made, broken)
    with pytest.raises(ValueError, match=r"must be an array \[N, C, K\], not list"):
        replace(made, values=[1.0])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [name for name in NOT_WALKS if name != "black"])
def test_what_is_no_walk_is_refused_unless_asked_for(model: Model, name: str) -> None:
    given = [walker(), NOT_WALKS[name]()]
    with pytest.raises(UserError, match=r"silhouettes\[1\]: its quality is 0\.0\d, below 0\.1: .*; least_quality=0 embeds it all the same"):
        model.embed(silhouettes=given)
    assert len(model.embed(silhouettes=given, least_quality=0)) == len(model.embed_stored(silhouettes=given)) == 2


def test_published_silhouettes_are_cut_once(model: Model) -> None:
    narrow = silhouettes(1)[0]
    wide = np.pad(narrow, ((0, 0), (0, 0), (10, 10)), constant_values=255)
    assert np.array_equal(model.embed(least_quality=0, silhouettes=[narrow]).values, model.embed(least_quality=0, silhouettes=[wide]).values)


@pytest.mark.parametrize(("given", "message"), [
    ({"silhouette": silhouettes(1)}, "unknown modality 'silhouette'"),
    ({}, "one modality at a time"),
    ({"silhouettes": []}, "no silhouettes to embed"),
    ({"silhouettes": [np.zeros((2, 64, 44), np.float32)]}, r"silhouettes\[0\] must be uint8"),
    ({"silhouettes": [*silhouettes(1), np.zeros((2, 64, 36), np.uint8)]}, r"silhouettes\[1\] is 64x36"),
    ({"silhouettes": silhouettes(2), "range_views": [np.zeros((2, 64, 44), np.float32)]}, "one modality at a time"),
    ({"silhouettes": [np.zeros((0, 64, 44), np.uint8)]}, "no frames"),
    ({"range_views": [np.zeros((64, 44), np.float32)]}, r"must be float32 \[T, H, W\]"),
])
def test_bad_input_is_one_clear_line(model: Model, given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        model.embed(**given)


@pytest.mark.parametrize(("asked", "words"), [
    ({"device": "gpu"}, "unknown device 'gpu'"), ({"device": "cuda:99"}, "no device 'cuda:99' here"), ({"device": "cpu:x"}, "unknown device"),
    ({"device": "meta"}, "unknown device"), ({"which": "worst"}, "no checkpoint 'worst'"),
])  # fmt: skip
def test_another_device_or_checkpoint_than_there_is(model: Model, asked: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        gaitbridge.load(model.run, **asked)


def test_no_run_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a run"):
        gaitbridge.load(tmp_path)


def test_training_settings_of_another_version_do_not_stand_in_the_way(model: Model, tmp_path: Path) -> None:
    shutil.copytree(model.run, tmp_path / "run")
    file = tmp_path / "run" / "config.json"
    document = json.loads(file.read_text())
    document["objective"]["diffusion"]["gone_since"] = 1
    document["data"]["gone_since"] = document["gone_since"] = True
    file.write_text(json.dumps(document))
    arrays = silhouettes(3, 2)
    again, first = (one.embed(least_quality=0, silhouettes=arrays).values for one in (gaitbridge.load(tmp_path / "run"), model))
    assert np.array_equal(again, first)
    document["network"]["gone_since"] = 1  # but the network must be the one that the weights belong to
    file.write_text(json.dumps(document))
    with pytest.raises(UserError, match=r"no setting 'network\.gone_since'"):
        gaitbridge.load(tmp_path / "run")
    file.write_text("[]")
    with pytest.raises(UserError):
        gaitbridge.load(tmp_path / "run")
