"""Points taken to training and to use: alone, and as the LiDAR's side of DiffCrossGait."""

import json
from pathlib import Path

import numpy as np
import pytest
from point_walks import frames, store_of

import gaitbridge
from gaitbridge import clouds
from gaitbridge.cli import main
from gaitbridge.config import checked, overridden
from gaitbridge.errors import UserError
from gaitbridge.inference.export import export
from gaitbridge.inference.loading import load
from gaitbridge.training.config import RunConfig, recipe
from gaitbridge.training.loop import built, train

SMALL = ("data.people_per_batch=2", "data.sequences_per_person=2", "data.frames=2", "steps=2", "validate_every=2", "precision=float32")
POINTS = {"points": 24, "width": 2, "centres": [16, 12, 8], "neighbours": 4}
ALONE = ("network.points=24", "network.width=2", "network.centres=[16,12,8]", "network.neighbours=4", "network.features=8", "network.embedding=8")
BESIDE = (f"network.lidar_points={json.dumps(POINTS)}", "network.channels=[8,8]", "network.strides=[2,2]", "network.stem_stride=1",
          "network.parts=8", "network.embedding=8", "objective.diffusion.latent=8", "objective.diffusion.width=8", "objective.warm_up=0")


def run_of(name: str, *settings: str) -> RunConfig:
    return checked(RunConfig, overridden(recipe(name).model_dump(mode="json"), [*SMALL, *settings]))


def test_points_are_trained_on_evaluated_and_exported(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    store = store_of(tmp_path / "people", splits=("train", "val", "test"), others=False)
    train(run_of("lidargait_pp/tiny", *ALONE, 'data.point_augmentation={"scale":1,"flip":0.5}'), store, tmp_path / "run")
    assert main(["evaluate", str(tmp_path / "run"), "--data", str(store.path), "--protocol", "simulated"]) == 0
    assert (tmp_path / "run" / "evaluation" / "points.npz").is_file()
    about = export(load(tmp_path / "run", fast=False), tmp_path / "model.onnx", store)
    assert about["largest_relative_difference"] < 1e-4
    assert about["checked_on"]["points"].startswith("16 sequences of people")
    walks = [clouds.joined(frames(30, 20, 0, 25)), clouds.joined(frames(40))]
    plain, exported = (load(place).embed(points=walks).values for place in (tmp_path / "run", tmp_path / "model.onnx"))
    assert np.abs(plain - exported).max() < 1e-4 * np.abs(plain).max()
    with pytest.raises(UserError, match="metres"):
        load(tmp_path / "model.onnx").embed(points=[walks[0] * np.array([1e3, 1e3, 1e3, 1, 1], np.float32)])


def test_points_are_the_lidar_s_side_of_diffcrossgait(tmp_path: Path) -> None:
    store = store_of(tmp_path / "people", splits=("train", "val", "test"))
    train(run_of("diffcrossgait/tiny", *BESIDE), store, tmp_path / "run")
    model = gaitbridge.load(tmp_path / "run")
    assert model.modalities == ("silhouettes", "points")
    first = store.read(0, ["silhouettes", "points"]).arrays
    for name in model.modalities:
        assert np.allclose(np.linalg.norm(model.embed(**{name: [first[name]]}, least_quality=0).values, axis=1), 1, atol=1e-5)
    found = model.diagnostics(store, list(range(6)))
    assert found is not None
    assert found[0] == "trajectory.json"
    assert main(["evaluate", str(tmp_path / "run"), "--data", str(store.path), "--protocol", "simulated"]) == 0
    rows = json.loads((tmp_path / "run" / "evaluation" / "results.json").read_text())
    assert "points" in json.dumps(rows) or "lidar" in json.dumps(rows)


@pytest.mark.parametrize("setting", ["network.shared_from=2", "objective.teacher={}", "objective.diffusion.latent_from=maps"])
def test_what_points_cannot_have_is_said(setting: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="lidar_points"):
        built(run_of("diffcrossgait/tiny", *BESIDE, setting), store_of(tmp_path / "people"))
