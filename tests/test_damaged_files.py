"""Whatever happened to a file that we read: it is read, or refused in one line that names it. Recordings: see tests/capture."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from acclaim_files import write_amc, write_asf
from damaged import outcomes
from gallery_people import embeddings, make, walks
from toy import make_toy_store

from gaitbridge.capture.isolated import run_isolated
from gaitbridge.evaluation.embedding.file import read_embeddings, read_provenance
from gaitbridge.evaluation.embedding.from_store import write_embeddings
from gaitbridge.gallery.decision import calibrate
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.store import Store
from gaitbridge.types import Embeddings

PEOPLE = [f"p{number:02d}" for number in range(20)]


def read_store(place: Path) -> None:
    store = Store(place)
    store.read_many(range(len(store.rows)), ["silhouettes", "range_views", "silhouettes_time_s"])
    store.verify()


def read_embedded(file: Path) -> None:
    read_embeddings(file)
    read_provenance(file)


def ask_gallery(place: Path) -> None:
    gallery = Gallery(place)
    gallery.search(embeddings(["p01"], seed=3), top=3)
    gallery.verify(embeddings(["p01"], seed=3), "p01")
    gallery.people()
    gallery.check()


def mask_people(file: Path) -> None:
    from gaitbridge.capture.video.decode import Picture
    from gaitbridge.capture.video.onnx_model import PeopleModel

    PeopleModel(file, -1).masks(Picture(0, 0.0, np.zeros((40, 60, 3), np.uint8)))


def open_captures(folder: Path) -> None:
    from gaitbridge.simulation.motion import bvh

    bvh.open_source(str(folder))


def open_trials(folder: Path) -> None:
    from gaitbridge.simulation.motion import amc

    amc.open_source(str(folder))


def tell(reader: str, file: Path, count: int, seed: int, place: Path) -> list[str]:
    """Runs in a process of its own, with limits."""
    return outcomes(globals()[reader], file, count, seed, place)


def all_told(reader: str, file: Path, count: int, seed: int, place: Path, name: str) -> None:
    """Each damage was read or is one line with a name in it; some were refused, or the test would test nothing."""
    said = run_isolated(tell, reader, file, count, seed, place, seconds=120, megabytes=3000)
    assert len(said) == count
    refused = [line for line in said if line]
    assert refused
    assert all("\n" not in line and name in line for line in refused), refused


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(make_toy_store(tmp_path_factory.mktemp("damaged") / "walks", {"test": 2}, (0,), 3).path)


@pytest.mark.parametrize("which", ["store.json", "index.parquet", "shards/p0000.arrow"])
def test_stores(store: Path, which: str) -> None:
    all_told("read_store", store / which, 60, 1, store, "walks")


def test_embeddings(tmp_path: Path) -> None:
    values = np.random.default_rng(0).standard_normal((3, 4, 2)).astype(np.float32)
    labels = {"people": np.asarray(["a", "d", "g"]), "takes": np.arange(3), "in_probe_set": np.arange(3) > 0}
    file = write_embeddings(Embeddings(values, keys=("a/b/c", "d/e/f", "g/h/i")), tmp_path / "e.npz", {"data_hash": "d"}, labels)
    all_told("read_embedded", file, 150, 2, file, "e.npz")


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("damaged") / "known"
    made = make(place)
    made.enrol(embeddings(PEOPLE), walks(PEOPLE))
    sides, types = embeddings(PEOPLE * 3, seed=5), [f"{name}/{number}" for number, name in enumerate(PEOPLE * 3)]
    made.keep_calibration(calibrate([sides], [PEOPLE * 3], [types], "set", "h" * 32, "2026-11-21", (0.1,)))
    return place


@pytest.mark.parametrize("which", ["gallery.json", "calibration.json", "audit.jsonl", "*/data/*", "*/_versions/*.manifest"])
def test_galleries(gallery: Path, which: str, tmp_path: Path) -> None:
    place = tmp_path / "known"
    shutil.copytree(gallery, place)
    file = sorted(place.glob(which))[0]  # the newest version, as LanceDB names them
    if which == "audit.jsonl":  # damaged lines are counted, the gallery goes on
        assert set(run_isolated(tell, "ask_gallery", file, 10, 3, place, seconds=120, megabytes=3000)) == {""}
        return
    all_told("ask_gallery", file, 30, 3, place, "known")


def test_models_of_the_users_own(tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    sides = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, "h", "w"]) for name, channels in (("x", 3), ("y", 1))]
    graph = helper.make_graph([helper.make_node("ReduceMax", ["x"], ["y"], axes=[1], keepdims=1)], "people", sides[:1], sides[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(tmp_path / "people.onnx"))
    all_told("mask_people", tmp_path / "people.onnx", 150, 4, tmp_path / "people.onnx", "people.onnx")


def test_motion_captures(tmp_path: Path) -> None:
    joints = "".join(f"JOINT {name}\n{{\nOFFSET 0 1 0\nCHANNELS 3 Zrotation Xrotation Yrotation\n" for name in ("Spine", "Neck"))
    head = "HIERARCHY\nROOT Hips\n{\nOFFSET 0 0 0\nCHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation\n"
    rows = "\n".join(" ".join(f"{0.1 * row + column:.2f}" for column in range(12)) for row in range(20))
    text = f"{head}{joints}End Site\n{{\nOFFSET 0 1 0\n}}\n}}\n}}\n}}\nMOTION\nFrames: 20\nFrame Time: 0.0333\n{rows}\n"
    (tmp_path / "ann_1.bvh").write_text(text)
    all_told("open_captures", tmp_path / "ann_1.bvh", 150, 5, tmp_path, "ann_1.bvh")


@pytest.mark.parametrize("which", ["ann.asf", "ann_1.amc"])
def test_subjects_and_trials(which: str, tmp_path: Path) -> None:
    write_asf(tmp_path / "ann.asf")
    write_amc(tmp_path / "ann_1.amc", seconds=1.5, hz=20.0)
    all_told("open_trials", tmp_path / which, 150, 6, tmp_path, "ann")


def test_a_reader_that_fails_otherwise_is_noticed(tmp_path: Path) -> None:
    def careless(file: Path) -> Any:
        return file.read_bytes().decode()

    (tmp_path / "a.txt").write_text("12345 é " * 20)
    with pytest.raises(AssertionError, match=r"damage \d+ of seed 0 to a\.txt: UnicodeDecodeError"):
        outcomes(careless, tmp_path / "a.txt", 200, 0)
    assert (tmp_path / "a.txt").read_text() == "12345 é " * 20
