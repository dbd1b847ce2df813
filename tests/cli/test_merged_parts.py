"""Every command that takes --part: its parts, merged, are what it makes in one piece, to the hash; and `gaitbridge parts` merges them again."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lidar_files
import numpy as np
import published_trees
import pytest
import video_files
from toy import toy_sequence

from gaitbridge.capture.lidar import run as lidar_run
from gaitbridge.capture.lidar.detect import find
from gaitbridge.capture.video import run as video_run
from gaitbridge.capture.video.reader import read_video
from gaitbridge.cli import main
from gaitbridge.simulation import cohort
from gaitbridge.simulation.benchmarks import BENCHMARKS, Benchmark
from gaitbridge.simulation.settings import CohortConfig
from gaitbridge.simulation.takes import Person
from gaitbridge.store import Store
from gaitbridge.types import Sequence

TINY = {"people": {"train": 4, "val": 0, "test": 1}, "takes": [["normal"]], "views": ["000"], "frames": 2}


def in_this_process(function: Callable[..., Any] | str) -> Callable[..., Any]:
    """In place of a process of its own for each recording; each is read once, as all have the same settings."""
    known: dict[str, Any] = {}

    def run(_: object, files: Any, *more: Any, **settings: Any) -> Any:
        if str(files) not in known:
            known[str(files)] = function(files, *more)  # type: ignore[operator]
        return known[str(files)]

    return run


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    def rendered(config: CohortConfig, person: Person, source: str) -> Iterator[Sequence]:
        yield toy_sequence(int(person.name[1:]), person.split, "normal", 0, 0)

    monkeypatch.setattr(cohort, "render_person", rendered)
    monkeypatch.setattr(cohort, "open_body", lambda *_: None)
    monkeypatch.setattr(video_run, "run_isolated", in_this_process(read_video))
    monkeypatch.setattr(lidar_run, "run_isolated", in_this_process(find))
    monkeypatch.setitem(BENCHMARKS, "toy@1", Benchmark("toy", 1, "", CohortConfig.model_validate(TINY)))


def pillar(scan: int) -> np.ndarray:
    """Points [P, 3] of flat ground 1.8 m below, and of a block as large as a person that moves sideways."""
    random = np.random.default_rng(scan)
    reach, angle = random.uniform(3, 20, 4000), random.uniform(-1.0, 1.0, 4000)
    ground = np.stack([reach * np.cos(angle), reach * np.sin(angle), np.full(4000, -1.8)], 1)
    block = random.uniform((-0.15, -0.25, 0.0), (0.15, 0.25, 1.75), (600, 3)) + np.array([8.0, -1.5 + 0.13 * scan, -1.8])
    return np.concatenate([ground, block])


def a_cohort(place: Path) -> list[str]:
    few = ["--train", "4", "--val", "0", "--test", "1", "--conditions", "normal", "--views", "000", "--frames", "2"]
    return ["simulate", "OUT", *few, "--workers", "0"]


def a_benchmark(place: Path) -> list[str]:
    return ["benchmark", "make", "toy", "OUT"]


def a_dataset(place: Path) -> list[str]:
    published_trees.casia_b(place / "casia")
    (place / "casia" / "005" / "nm-01" / "000").rename(place / "casia" / "005" / "nm-01" / "view?")  # a problem, which is kept
    return ["import", "casia_b", str(place / "casia"), "OUT", "--val", "1", "--workers", "0"]


def a_folder(place: Path) -> list[str]:
    published_trees.casia_b(place / "own")
    return ["import", "folder", str(place / "own"), "OUT", "--layout", "{person}/{type}/{view}/*.pkl", "--licence", "mine", "--workers", "0"]


def films(place: Path) -> list[str]:
    video_files.one_walker(place / "there.mkv", frames=40)
    video_files.one_walker(place / "back.mkv", frames=40, step=-3.2)
    video_files.one_walker(place / "nobody.mkv", frames=4)
    return ["capture", "video", *(str(place / f"{name}.mkv") for name in ("there", "back", "nobody")), "OUT", "--people", "movement"]


def scans(place: Path) -> list[str]:
    for name, first in (("one", 0), ("two", 2)):
        lidar_files.pkl(place / f"{name}.pkl", [pillar(scan) for scan in range(first, 16)])
    (place / "lidar.json").write_text(json.dumps({"azimuth_step_deg": 0.35, "elevations_deg": np.linspace(22, -22, 64).tolist()}))
    return ["capture", "lidar", str(place / "one.pkl"), str(place / "two.pkl"), "OUT", "--hz", "10", "--sensor", str(place / "lidar.json")]


@pytest.mark.parametrize("asked", [a_cohort, a_benchmark, a_dataset, a_folder, films, scans])
def test_merged_parts_are_one_piece(asked: Callable[[Path], list[str]], quick: None, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                    monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    words, parted = asked(tmp_path), tmp_path / "parted"
    if asked is a_benchmark:  # has no word for as few processes
        monkeypatch.setattr("gaitbridge.machine.workers", lambda: 0)

    def call(out: Path, *more: str) -> None:
        assert main([str(out) if word == "OUT" else word for word in words] + list(more)) == 0, capsys.readouterr().err

    call(tmp_path / "whole")
    whole = json.loads((tmp_path / "whole" / "store.json").read_text())
    call(parted, "--part", "3/3")
    call(parted, "--part", "1/3")
    assert not (parted / "store.json").exists()
    capsys.readouterr()
    assert main(["parts", str(parted)]) == 0
    assert "part 2/3 not begun" in " ".join(capsys.readouterr().out.split())
    assert main(["parts", str(parted), "--merge"]) == 2
    call(parted, "--part", "2/3")  # the last one merges
    assert json.loads((parted / "store.json").read_text()) == whole
    Store(parted).verify()
    (parted / "store.json").unlink()  # as if the last one had died before it merged
    assert main(["parts", str(parted), "--merge"]) == 0
    assert json.loads((parted / "store.json").read_text()) == whole
    call(parted, "--part", "2/2")  # any part again, also of another number
    call(parted)
    assert json.loads((parted / "store.json").read_text()) == whole
    assert (parted / "index.parquet").read_bytes() == (tmp_path / "whole" / "index.parquet").read_bytes()
