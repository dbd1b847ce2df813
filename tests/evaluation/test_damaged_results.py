"""Files that an evaluation leaves, damaged in many ways: each is read, or is one line that names it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import embedding_files as files
import numpy as np
import pytest
from damaged import outcomes
from fake_store import evaluated, knowing_embeddings, make_store

from gaitbridge.cli import main
from gaitbridge.errors import UserError
from gaitbridge.evaluation.bodies.walk_file import Walk, read_walk, write_walk
from gaitbridge.evaluation.embedding.cost import read_cost
from gaitbridge.evaluation.embedding.file import read_any, read_embeddings
from gaitbridge.evaluation.results import read_rows, write_rows
from gaitbridge.evaluation.scoring.written import read_scores
from gaitbridge.report.reconstruction_tables import cost_conditions, cost_table
from gaitbridge.report.result_tables import markdown_tables
from gaitbridge.report.table_text import score_note, score_tables
from gaitbridge.types import Bodies

ABOUT = json.dumps({"weights_hash": "w", "modality": "silhouettes", "distance": "euclidean"})


def told(read: Callable[[Path], object], file: Path, count: int, seed: int) -> None:
    said = outcomes(read, file, count, seed)
    refused = [line for line in said if line]
    assert refused
    assert all("\n" not in line and file.name in line for line in refused), refused


def test_results(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", people=2, views=("000", "090"))
    write_rows(evaluated(store, knowing_embeddings(store, "silhouettes"))[:8], tmp_path)
    told(lambda path: markdown_tables(read_rows(path)), tmp_path / "results.json", 150, 1)


def test_scores(tmp_path: Path) -> None:
    path = files.write(tmp_path / "a.npz", **files.arrays(files.CASIA_B, ("000", "090"), people=3))
    assert main(["score", str(path), "--protocol", "casia_b", "--cells", "--intervals", "--verification", "--out", str(tmp_path / "score.json")]) == 0

    def shown(path: Path) -> Any:
        scores = read_scores(path)
        return score_tables(scores), score_note(scores)

    told(shown, tmp_path / "score.json", 150, 2)


def test_costs(tmp_path: Path) -> None:
    quartiles = {"median": 1.0, "quartile_low": 0.9, "quartile_high": 1.1}
    latency = {"reference": "a", "ratios": {"a": quartiles}, "seconds": {"a": quartiles}, "rounds": 3, "sequences": 1, "frames": 30, "height": 64,
               "width": 44, "device": "cpu", "hardware": "a cpu", "threads": 1}
    document = {"networks": {"a": {"parameters": 3, "flops_per_frame": 1e9, "flops_per_sequence": 3e10}}, "latency": latency}
    (tmp_path / "cost.json").write_text(json.dumps(document))
    told(lambda path: (cost_table(read_cost(path)), cost_conditions(read_cost(path))), tmp_path / "cost.json", 150, 3)


def walk(frames: int = 3) -> Walk:
    random = np.random.default_rng(0)
    points = [random.random((frames, count, 3)).astype(np.float32) for count in (4, 2, 5)]
    bodies = Bodies(points[0], points[1], points[2], np.zeros((frames, 2), np.float32), np.ones(frames, np.float32), np.ones(frames, bool))
    silhouettes, triangles, parents = np.zeros((frames, 8, 6), np.uint8), np.asarray([[0, 1, 4]]), np.asarray([-1, 0, 1, 2])
    return Walk({"recovered": bodies}, silhouettes, np.arange(frames) / 10, triangles, parents, {"key": "a/b/c"})


def test_walks(tmp_path: Path) -> None:
    file = write_walk(walk(), tmp_path / "walk.npz")
    assert len(read_walk(file).bodies["recovered"]) == 3
    told(read_walk, file, 150, 4)
    with np.load(file) as held:
        good = dict(held)
    for name, array in (("triangles", np.asarray([[0, 1, 5]])), ("time_s", np.zeros(2)), ("recovered.joints", np.zeros((3, 4), np.float32))):
        np.savez(file, **(good | {name: array}))
        with pytest.raises(UserError, match=r"walk\.npz holds no bodies, or is damaged"):
            read_walk(file)


VALUES = np.ones((2, 3, 2), np.float32)
KEYS = np.asarray(["a/b/c", "d/e/f"])
ODD: dict[str, tuple[dict[str, Any], str]] = {
    "a key that lacks a part": ({"keys": np.asarray(["a/b", "d/e/f"])}, "the key 'a/b' is not person/type/view"),
    "one key": ({"keys": np.asarray("a/b/c")}, r"keys are \[\], but there are 2 embeddings"),
    "one number": ({"values": np.float32(1)}, r"values are \[\], not \[n, C, K\]"),
    "complex numbers": ({"values": VALUES.astype(complex)}, "values are complex128, not real numbers"),
    "several provenances": ({"provenance": np.asarray([ABOUT, ABOUT])}, "its provenance is damaged"),
    "a provenance of numbers": ({"provenance": np.asarray(3.0)}, "its provenance is damaged"),
    "a provenance too deep": ({"provenance": np.asarray("[" * 100_000)}, "nested too deep"),
    "a provenance of a list": ({"provenance": np.asarray("[]")}, "its provenance is damaged"),
    "an unknown distance": ({"provenance": np.asarray(ABOUT.replace("euclidean", "manhattan"))}, "distance: Input should be 'euclidean' or 'cosine'"),
    "takes of text": ({"takes": np.asarray(["x", "y"])}, "takes are <U1"),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_embeddings_that_are_not_as_they_should_be(name: str, tmp_path: Path) -> None:
    changed, words = ODD[name]
    np.savez(tmp_path / "e.npz", **({"values": VALUES, "keys": KEYS, "provenance": np.asarray(ABOUT)} | changed))
    for read in (read_any, read_embeddings):
        with pytest.raises(UserError, match=words) as raised:
            read(tmp_path / "e.npz")
        assert "e.npz" in str(raised.value)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("file", ["06-embeddings-other.npz", "08-embeddings-other.npz", "10-embeddings-other.npz"])
def test_files_that_broke_it(file: str) -> None:
    path = Path(__file__).parents[2].parent / "shared" / "cases" / "damaged" / file
    if not path.is_file():
        pytest.skip(f"no cases: {file} is not in a folder shared/cases/damaged beside the repository")
    for read in (read_any, read_embeddings):
        with pytest.raises(UserError, match="damaged") as raised:
            read(path)
        assert "\n" not in str(raised.value)
