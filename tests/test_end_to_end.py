"""The main job at toy size, over the command line: simulate, train, kill, resume, evaluate, report, embed."""

import json
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from command_line import COHORT, ENVIRONMENT, SETTINGS, gaitbridge_command, run

import gaitbridge
from gaitbridge.store import Store


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("walk")
    said = run("simulate", place / "store", *COHORT)
    assert "9 simulated people, 54 sequences" in said.stdout
    assert "simulate: 9/9 people" in said.stderr
    return place


@pytest.fixture(scope="module")
def trained(folder: Path) -> Path:
    """A run that was killed once, resumed and evaluated."""
    store, out = folder / "store", folder / "run"
    words = ["train", "diffcrossgait/tiny", "--data", str(store), "--out", str(out), *(w for s in SETTINGS for w in ("--set", s))]
    process = subprocess.Popen(gaitbridge_command(*words), env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (out / "checkpoints" / "last.json").is_file():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert "--resume" in run(*words, code=2).stderr  # it never starts over unasked
    run(*words, "--resume")
    assert "camera" in run("evaluate", out, "--data", store).stdout
    return out


def test_the_main_job(trained: Path) -> None:
    rows = json.loads((trained / "evaluation" / "results.json").read_text())
    directions = {(row["probe_modality"], row["gallery_modality"]) for row in rows}
    assert directions == {(a, b) for a in ("camera", "lidar") for b in ("camera", "lidar")}
    main = [row for row in rows if row["metric"] == "rank-1" and row["condition"] == "all" and row["views"] == "excluded"]
    assert all(row["people"] == 3 and row["probes"] == 12 and row["gallery"] == 6 for row in main)
    assert all(row["chance"] == pytest.approx(100 / 3) for row in main)
    gaps = json.loads((trained / "evaluation" / "trajectory.json").read_text())
    assert gaps["t"] == list(range(10, 100, 10))


def test_the_report_is_one_whole_page(trained: Path, tmp_path: Path) -> None:
    said = run("report", trained, "--picture", tmp_path / "hero.png").stdout
    assert "hero.png" in said
    page = (trained / "report.html").read_text()
    assert len(page) > 1_000_000  # the plotting library is inside
    assert "probe camera, gallery LiDAR" in page


def test_python_interface_on_the_same_run(folder: Path, trained: Path) -> None:
    model = gaitbridge.load(trained)
    store = Store(folder / "store")
    sequences = store.read_many(store.select(split="test"), ["silhouettes", "range_views"])
    camera = model.embed(silhouettes=[s.arrays["silhouettes"] for s in sequences])
    lidar = model.embed(range_views=[s.arrays["range_views"] for s in sequences])
    assert camera.values.shape[0] == lidar.values.shape[0] == 18
    assert gaitbridge.distance(camera, lidar).shape == (18, 18)
    evaluated = np.load(trained / "evaluation" / "silhouettes.npz")
    by_key = dict(zip(evaluated["keys"].tolist(), evaluated["values"], strict=True))
    for sequence, values in zip(sequences, camera.values, strict=True):
        assert np.allclose(by_key[sequence.labels.key], values, atol=1e-4)


def test_inspect(folder: Path, tmp_path: Path) -> None:
    said = run("inspect", folder / "store").stdout
    for word in ("normal", "090", "64 x 44", "licence"):
        assert word in said
    run("inspect", folder / "store", "p0000/normal-0/090", "--out", tmp_path / "walker.png")
    assert (tmp_path / "walker.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(("words", "message"), [
    (["train", "tinny", "--data", "STORE", "--out", "OUT"], "did you mean 'tiny'"),
    (["train", "diffcrossgait/tiny", "--data", "nowhere", "--out", "OUT"], "nowhere is not a store"),
    (["train", "diffcrossgait/tiny", "--data", "STORE", "--out", "OUT", "--set", "objective.difusion.phases=[]"], "did you mean 'diffusion'"),
    (["train", "diffcrossgait/tiny", "--data", "STORE", "--out", "OUT", "--stets", "a"], "--stets"),
    (["simulate", "OUT", "--motion", "bvhs:nowhere"], "did you mean 'bvh'"),
    (["simulate", "OUT", "--lidar", "velodyne-vls12"], "did you mean 'velodyne-vls128'"),
    (["simulate", "OUT", "--conditions", "umbrela"], "did you mean 'umbrella'"),
    (["simulate", "STORE", "--seed", "9"], "another"),
    (["evaluate", "STORE", "--data", "STORE"], "is not a run"),
    (["inspect", "STORE", "p0000/normal-0/091"], "did you mean 'p0000/normal-0/090'"),
    (["inspekt"], "inspect"),
])
def test_mistakes_are_one_line_and_exit_code_2(folder: Path, tmp_path: Path, words: list[str], message: str) -> None:
    places = {"STORE": str(folder / "store"), "OUT": str(tmp_path / "out")}
    before = sorted(path for path in folder.rglob("*") if path.is_file())
    said = run(*[places.get(word, word) for word in words], code=2).stderr.strip()
    assert message in said
    assert len(said.splitlines()) == 1, said
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == before
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())
