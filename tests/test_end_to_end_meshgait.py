"""Mesh-Gait at toy size, over the command line: simulate, train, evaluate, compare with silhouettes alone, reconstruct, report."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import trimesh
from command_line import COHORT, SETTINGS, run
from matplotlib.image import imread

import gaitbridge
from gaitbridge.evaluation.bodies.walk_file import read_walk
from gaitbridge.inference.bodies import measure_bodies
from gaitbridge.report.reconstruction_tables import print_reconstruction
from gaitbridge.store import Store

SEQUENCE = "p0006/normal-0/090"  # of a test person


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bodies") / "store"
    run("simulate", place, *COHORT)
    return place


@pytest.fixture(scope="module")
def trained(store: Path) -> dict[str, Path]:
    """A run of the method and one of its backbone on silhouettes alone, both evaluated."""
    runs = {name: store.parent / name for name in ("tiny", "tiny_silhouettes")}
    for name, out in runs.items():
        run("train", f"meshgait/{name}", "--data", store, "--out", out, *(word for setting in SETTINGS for word in ("--set", setting)))
        said = run("evaluate", out, "--data", store).stdout
        assert ("MPJPE" in said) == (name == "tiny")
    return runs


def test_evaluate_measures_bodies_and_cost(trained: dict[str, Path]) -> None:
    rows = json.loads((trained["tiny"] / "evaluation" / "reconstruction.json").read_text())
    overall = {(row["metric"], row["source"]): row["value"] for row in rows if row["condition"] == "all" and row["view"] == "all"
               and row["mirroring"] == "none"}
    assert {metric for metric, _ in overall} >= {"MPJPE", "PA-MPJPE"}
    assert all(5 < value < 3000 for value in overall.values())
    cost = json.loads((trained["tiny"] / "evaluation" / "cost.json").read_text())
    assert len(cost["networks"]) == 2
    assert not (trained["tiny_silhouettes"] / "evaluation" / "reconstruction.json").exists()


def test_of_a_network_that_was_taught_joints_alone_there_are_joints_alone(store: Path, trained: dict[str, Path], tmp_path: Path) -> None:
    joints = shutil.copytree(trained["tiny"], tmp_path / "joints")
    document = json.loads((joints / "config.json").read_text())
    document["objective"]["reconstruction"] |= dict.fromkeys(("markers", "vertices", "edges", "normals"), 0)
    (joints / "config.json").write_text(json.dumps(document))
    opened = Store(store)
    rows = measure_bodies(gaitbridge.load(joints), opened, opened.select(split="test")[:3])
    assert {row.metric for row in rows} == {"MPJPE", "PA-MPJPE"}
    print_reconstruction(rows)
    assert "taught joints alone" in run("reconstruct", joints, store, SEQUENCE, "--out", tmp_path / "out").stdout
    place = tmp_path / "out" / SEQUENCE.replace("/", "_")
    recovered = read_walk(place / "bodies.npz").bodies["recovered"]
    assert recovered.joints.shape[1] > recovered.vertices.shape[1] == 0
    assert not (place / "recovered").exists()
    assert any((place / "truth").iterdir())


def test_compare(store: Path, trained: dict[str, Path], tmp_path: Path) -> None:
    said = run("compare", trained["tiny_silhouettes"], trained["tiny"], "--data", store, "--out", tmp_path).stdout
    assert "b - a" in said
    assert json.loads((tmp_path / "comparison.json").read_text())
    assert "evaluate" in run("compare", store.parent / "nothing", trained["tiny"], "--data", store, code=2).stderr


def test_reconstruct_a_sequence(store: Path, trained: dict[str, Path], tmp_path: Path) -> None:
    run("reconstruct", trained["tiny"], store, SEQUENCE, "--out", tmp_path, "--files", "ply")
    place = tmp_path / SEQUENCE.replace("/", "_")
    walk = read_walk(place / "bodies.npz")
    model = gaitbridge.load(trained["tiny"])
    opened = Store(store)
    silhouettes = opened.read(opened.row_of_key[SEQUENCE], ["silhouettes"]).arrays["silhouettes"]
    again = model.reconstruct([silhouettes])[0]
    assert np.allclose(walk.bodies["recovered"].vertices, again.vertices, atol=1e-4)
    assert {"recovered", "truth"} == set(walk.bodies)
    meshes = sorted((place / "recovered").glob("*.ply"))
    assert len(meshes) == int(again.known.sum())
    assert len(trimesh.load(meshes[0], process=False).vertices) == again.vertices.shape[1]
    assert imread(place / "bodies.png").std() > 0.05


def test_reconstruct_all_test_sequences(store: Path, trained: dict[str, Path], tmp_path: Path) -> None:
    run("reconstruct", trained["tiny"], store, "--out", tmp_path)
    assert len(list(tmp_path.glob("*.npz"))) == 18


def test_the_report_plays_a_walk(trained: dict[str, Path]) -> None:
    run("report", trained["tiny"])
    page = (trained["tiny"] / "report.html").read_text()
    assert 'id="bodies"' in page
    assert "<canvas" in page
    assert "MPJPE" in page
    assert 'id="trajectory"' not in page  # it has no diffusion


@pytest.mark.parametrize(("words", "message"), [
    (["reconstruct", "PLAIN", "STORE"], "no 3D branch"),
    (["reconstruct", "TINY", "STORE", "p0006/normal-0/091"], "did you mean 'p0006/normal-0/090'"),
    (["reconstruct", "TINY", "STORE", "--files", "obj"], "glb"),
    (["reconstruct", "TINY", "STORE", "--mesh", "sparse"], "convex"),
    (["learn-markers", "OUT", "--body", "smpl"], "smpl.is.tue.mpg.de"),
    (["learn-markers", "OUT", "--body", "smpl", "--smpl", "nowhere/SMPL_NEUTRAL.npz"], "nowhere/SMPL_NEUTRAL.npz"),
    (["train", "meshgait/tiny", "--data", "STORE", "--out", "OUT", "--set", "network.heatmaps=null"], "objective.reconstruction=null"),
])
def test_mistakes_are_one_line_and_exit_code_2(store: Path, trained: dict[str, Path], tmp_path: Path, words: list[str], message: str) -> None:
    places = {"STORE": store, "TINY": trained["tiny"], "PLAIN": trained["tiny_silhouettes"], "OUT": tmp_path / "out"}
    before = sorted(path for path in store.parent.rglob("*") if path.is_file())
    said = run(*[places.get(word, word) for word in words], code=2).stderr.strip()
    assert message in said
    assert [line for line in said.splitlines() if "preparing" not in line] == [said.splitlines()[-1]], said
    assert sorted(path for path in store.parent.rglob("*") if path.is_file()) == before
    assert not (tmp_path / "out").exists()
