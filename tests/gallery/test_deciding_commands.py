"""The commands that say nobody or the name: `gallery search --reject`, and `calibrate` with --templates and --cohort, on made-up embeddings."""

import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gaitbridge.cli import main
from gaitbridge.gallery.cohort import cohort_beside
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.store import Store, finish_store, write_shard
from gaitbridge.types import Embeddings, Labels, Sequence

WEIGHTS = "0123456789abcdef0123456789abcdef"
TAKES = (("normal", 0), ("normal", 1), ("bag", 0))
VIEWS = ("000", "090")


class Network:
    """Knows people by the number drawn into their silhouettes: a direction of theirs, and noise of the walk."""

    modalities, inputs, distance, weights_hash = ("silhouettes",), {"silhouettes": ("silhouettes",)}, "euclidean", WEIGHTS
    run, trained_on, network = Path("run"), "nothing", SimpleNamespace(config=None)

    def embed_stored(self, silhouettes: list[np.ndarray]) -> Embeddings:
        values = []
        for pictures in silhouettes:
            person, walk = (int("".join("01"[int(cell > 0)] for cell in pictures[0, line, :16]), 2) for line in (0, 1))
            own = np.random.default_rng(person).standard_normal((8, 2))
            values.append(own + 0.4 * np.random.default_rng([person, walk]).standard_normal((8, 2)))
        return Embeddings(np.asarray(values, np.float32), "euclidean", "silhouettes", WEIGHTS)


def picture(person: int, walk: int) -> np.ndarray:
    """Two frames that hold two numbers in their first lines, in binary."""
    frame = np.full((64, 44), 255, np.uint8)
    for line, value in enumerate((person, walk)):
        frame[line, :16] = [255 * int(bit) for bit in f"{value:016b}"]
    return np.stack([frame, frame])


def people_of(path: Path, names: dict[str, int], kind: str = "simulated", takes: tuple[tuple[str, int], ...] = TAKES) -> str:
    """A store of people by name, whose numbers the network tells apart."""
    sequences = []
    for name, number in names.items():
        for t, (condition, take) in enumerate(takes):
            for v, view in enumerate(VIEWS):
                labels = Labels(f"{name}/{condition}-{take}/{view}", name, "test", condition, take, view, float(view), 9.0)
                arrays = {"silhouettes": picture(number, 2 * t + v + 10 * len(path.name)), "silhouettes_time_s": np.arange(2) / 10}
                sequences.append(Sequence(labels, arrays))
    write_shard(path, "all", sequences)
    finish_store(path, ["all"], {"kind": kind, "made by": "the tests"})
    return str(path)


def with_network(patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.setattr("gaitbridge.inference.loading.load", lambda *_, **__: Network())
    patch.setattr("gaitbridge.inference.stored.shape_of", lambda _: (8, 2))
    patch.chdir(folder)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of that network, 60 people to calibrate on, 30 others for a cohort, and a gallery of five others, not calibrated."""
    folder = tmp_path_factory.mktemp("deciding")
    with pytest.MonkeyPatch.context() as patch:
        with_network(patch, folder)
        (folder / "run").mkdir()
        (folder / "run" / "config.json").write_text("{}")
        people_of(folder / "others", {f"q{n:02d}": 100 + n for n in range(60)})
        people_of(folder / "cohort", {f"c{n:02d}": 300 + n for n in range(30)})
        people_of(folder / "home", {f"p{n}": n for n in range(5)}, takes=TAKES[:1])
        people_of(folder / "asking", {**{f"p{n}": n for n in range(3)}, "stranger": 999}, takes=TAKES[1:2])
        assert main(["gallery", "create", "known", "--model", "run"]) == 0
        assert main(["gallery", "enrol", "known", "home", "--least-quality", "0"]) == 0
    return folder


@pytest.fixture
def room(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of all of it, to work in."""
    with_network(monkeypatch, shutil.copytree(made, tmp_path / "room"))
    return tmp_path / "room"


def search(*words: str) -> list[str]:
    return ["gallery", "search", "known", "asking", "--least-quality", "0", *words]


def test_search_with_reject_names_or_says_nobody(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(search("--reject", "0.05")) == 2
    assert "no thresholds to decide by: fix them with `gaitbridge calibrate" in capsys.readouterr().err
    assert main(["calibrate", "known", "others"]) == 0
    capsys.readouterr()
    assert main(search("--reject", "0.05", "--top", "2")) == 0
    said, error = capsys.readouterr()
    assert "warning" not in error
    for name in ("p0", "p1", "p2"):
        assert re.search(rf"{name}/normal-1 \(camera, 2 sequences\): {name}; a stranger comes as near to one of 5 people in .* % of searches", said)
    assert "stranger/normal-1 (camera, 2 sequences): nobody; " in said
    assert len(re.findall(r"^  +[12] p\d .* distance ", said, re.MULTILINE)) == 8  # two people each, as evidence
    assert re.search(r"3 of 4 named, at a false-positive identification rate of 0.05 among 5 people \(true: .* to .* %, 95 % interval over people\)",
                     " ".join(said.split()))
    assert main(search("--reject", "0.000001")) == 2
    assert "rate of 1e-06 cannot be stated with 5 people enrolled" in capsys.readouterr().err


def test_search_with_reject_as_json(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "known", "others"]) == 0
    capsys.readouterr()
    assert main(search("--reject", "0.05", "--top", "2", "--json")) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["query"]: line["decision"] for line in lines} \
        == {"p0/normal-1": "p0", "p1/normal-1": "p1", "p2/normal-1": "p2", "stranger/normal-1": None}
    for line in lines:
        assert (line["reject"], line["people"], line["probe"], len(line["hits"])) == (0.05, 5, "camera", 2)
        assert len(line["sequences"]) == 2
        assert (line["decision"] is not None) == (line["hits"][0]["score"] <= line["threshold"])
        assert 0 <= line["rate_low"] <= line["rate_high"] <= 1
        assert line["provenance"].startswith("calibrated on others (simulated, ")
    assert main(search("--reject", "0.05", "--no-fuse", "--json")) == 0
    alone = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(alone) == 8
    assert all(line["sequences"] == [line["query"]] for line in alone)
    people_of(room / "film", {"gate-3f9a2c71-0000": 1}, kind="imported", takes=TAKES[1:2])
    assert main(["gallery", "search", "known", "film", "--least-quality", "0", "--reject", "0.05", "--json"]) == 0
    said, error = capsys.readouterr()
    (warning,) = json.loads(said)["warnings"]
    assert "simulated, not imported" in warning
    assert error.count(warning) == 1


def test_calibrate_with_so_many_templates(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    found = {}
    for count in (None, 2, 1):
        assert main(["calibrate", "known", "others", *([] if count is None else ["--templates", str(count)])]) == 0
        (direction,) = Gallery("known").calibration().directions  # type: ignore[union-attr]
        found[count] = direction
        assert f"{direction.templates_a_person:.1f} templates a person" in capsys.readouterr().out
    assert [one.templates_a_person for one in found.values()] == [6.0, 2.0, 1.0]
    assert found[None].at(0.1).distance < found[2].at(0.1).distance < found[1].at(0.1).distance  # the nearest of more is nearer
    assert found[2].genuine == 60 * 4  # both templates are views of normal-0, with which its own sequences are not compared
    capsys.readouterr()
    assert main(["calibrate", "known", "--from-captures", "others", "--templates", "2"]) == 2
    assert "--templates and --cohort belong to a STORE of known people" in capsys.readouterr().err


def test_calibrate_against_a_cohort_of_another_store(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["calibrate", "known", "others", "--cohort", "others"]) == 2
    assert "others is the store to calibrate on: give other people for the cohort" in capsys.readouterr().err
    assert main(["calibrate", "known", "others", "--cohort", "cohort"]) == 0
    said = capsys.readouterr().out
    assert "normalised by 180 embeddings of simulated people (cohort), kept with the calibration\n" in said
    assert main(search("--reject", "0.05", "--json")) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["decision"] for line in lines] == ["p0", "p1", "p2", None]
    assert "normalised by 180 embeddings of simulated people (cohort)" in lines[0]["provenance"]
    assert lines[0]["hits"][0]["score"] < lines[0]["hits"][0]["distance"]
    assert main(["calibrate", "run", "others", "--cohort", "cohort"]) == 0  # of a run it lies beside the calibration
    document = json.loads((room / "run" / "calibration.json").read_text())
    assert cohort_beside(document["cohort"], room / "run") is not None
    capsys.readouterr()
    assert main(["calibrate", "known", "others", "--cohort", "cohort", "--no-normalise"]) == 2
    assert "--cohort cohort and --no-normalise ask for two things: give one of them" in capsys.readouterr().err


def test_a_cohort_of_real_people_is_said_and_can_be_forgotten(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    people_of(room / "visitors", {"p0": 0, "Ada": 301, "Bea": 302}, kind="imported")
    assert main(["calibrate", "known", "others", "--cohort", "visitors"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "normalised by embeddings of 3 people of visitors" in said
    assert "these are biometric data of real people, by name; `gaitbridge gallery forget` removes them there, too" in said
    assert main(["gallery", "forget", "known", "p0"]) == 0
    held = Gallery("known").index.document("cohort")
    assert held is not None
    assert set(held["sides"]["camera"]["people"]) == {"Ada", "Bea"}
    assert len(Store("visitors").rows) == 18
