"""The walkthrough of docs/gallery.md does what it says: its own commands, at toy size; and what the commands refuse."""

import json
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from captured_stores import captured_store, crowd
from command_line import SETTINGS, run
from gallery_people import files_with

from gaitbridge.cli import main
from gaitbridge.store import Store, finish_store, write_shard
from gaitbridge.training.config import recipe

ROOT = Path(__file__).parents[2]
SMALLER = ["--frames", "4", "--views", "000", "090", "--conditions", "normal", "normal", "bag", "--workers", "0"]


def walkthrough() -> list[list[str]]:
    block = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "gallery.md").read_text(), re.DOTALL)[0]
    return [words[1:] for line in block.splitlines() if (words := shlex.split(line, comments=True))]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Output of each command of the page by its first words; the folder by `folder`."""
    folder = tmp_path_factory.mktemp("walk")
    out = {"folder": str(folder)}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for number, words in enumerate(walkthrough()):
            if words[0] == "simulate":
                words = [*words, *SMALLER]
            if words[0] == "train":
                words = [*words, *(word for setting in SETTINGS for word in ("--set", setting))]
            if words[:2] == ["gallery", "forget"]:
                shutil.copytree("known", "before")
            patch.setenv("PYTHONPATH", "")
            out[f"{number:02d} {' '.join(words[:2])}"] = run(*words).stdout
    return out


def of(said: dict[str, str], words: str) -> list[str]:
    return [text for command, text in said.items() if command[3:] == words]


def test_the_walkthrough(said: dict[str, str]) -> None:
    folder = Path(said["folder"])
    assert "p0000: 2 sequences of the lidar enrolled" in of(said, "gallery enrol")[0]
    assert "6 templates added, 0 there already, of 3 people" in of(said, "gallery enrol")[0]
    first, second = of(said, "gallery search")
    assert "uncalibrated: plain distances" in first
    assert "calibrated on people" in second
    assert "false-match rate" in second
    assert "(camera)" in second
    assert "by lidar p000" in second
    assert "too few people to state 0.01, 0.001" in of(said, "calibrate known")[0]
    decided = r"p0000/normal-1/000 \(camera\): (accepted|rejected) as p0000: distance .* at a false-match rate of 0.1 \(2 templates of the lidar\)"
    assert re.search(decided, of(said, "gallery verify")[0])
    assert "random number in the audit log" in of(said, "gallery list")[0]
    assert "2 templates and the name are gone" in of(said, "gallery forget")[0]
    assert "2 people, 4 templates" in of(said, "gallery check")[0]
    with np.load(folder / "p0000.npz") as exported:
        assert len(exported["vectors"]) == 2
        vectors = exported["vectors"]
    assert files_with(folder / "before", b"p0000")
    assert files_with(folder / "before", vectors[0].tobytes())
    assert files_with(folder / "known", b"p0000") == []
    assert not any(files_with(folder / "known", vector.tobytes()) for vector in vectors)


def test_the_page_trains_on_enough_people() -> None:
    """As printed, without the settings above that make it small."""
    commands = walkthrough()
    people = next(words for words in commands if words[:2] == ["simulate", "people"])
    name = next(words[1] for words in commands if words[0] == "train")
    assert int(people[people.index("--train") + 1]) >= recipe(name).data.people_per_batch


def fails(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    """The one line of a command that must be refused."""
    assert main([*map(str, words)]) == 2
    error = capsys.readouterr().err
    lines = [line for line in error.splitlines() if line.startswith("gaitbridge: ")]
    assert len(lines) == 1, error
    assert "Traceback" not in error
    return lines[0]


def test_refusals_are_one_line(said: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(said["folder"])
    monkeypatch.chdir(folder)
    assert "does not exist: make one with" in fails(capsys, "gallery", "list", "nowhere")
    assert "nobody called 'p0000'" in fails(capsys, "gallery", "verify", "known", "south", "p0000")
    assert "nobody called 'nobody'" in fails(capsys, "gallery", "forget", "known", "nobody")
    assert "is a gallery already" in fails(capsys, "gallery", "create", "known", "--model", "run")
    assert "unknown modality 'radar'" in fails(capsys, "gallery", "search", "known", "south", "--probe", "radar")
    assert "no field 'veiw'" in fails(capsys, "gallery", "search", "known", "south", "--where", "veiw=000")
    assert "write it as field=value" in fails(capsys, "gallery", "search", "known", "south", "--where", "view")
    assert "no span of time" in fails(capsys, "gallery", "enrol", "known", "north", "--expire-after", "soon")
    assert "no template to compare with (sensor camera" in fails(capsys, "gallery", "search", "known", "south", "--sensor", "camera")
    assert "no rate can be stated from so few" in fails(capsys, "calibrate", "run", "south")
    assert not (folder / "run" / "calibration.json").exists()
    empty = tmp_path / "empty"
    assert main(["gallery", "create", str(empty), "--model", "run"]) == 0
    assert "is empty" in fails(capsys, "gallery", "search", empty, "south")
    assert "no thresholds to decide by" in fails(capsys, "gallery", "verify", empty, "south", "p0001")
    store = Store(folder / "south")
    sequence = store.read(0, ["silhouettes", "silhouettes_time_s"])
    write_shard(tmp_path / "camera", "one", [sequence])
    finish_store(tmp_path / "camera", ["one"], {})
    assert "has range_views" in fails(capsys, "gallery", "search", "known", tmp_path / "camera", "--probe", "lidar")
    names = [f"gate-3f9a2c71-{n:04d}" for n in range(3)]
    tracks = [replace(sequence, labels=replace(sequence.labels, key=f"{name}/01/090", person=name)) for name in names]
    write_shard(tmp_path / "film", "film", tracks)
    finish_store(tmp_path / "film", ["film"], {"kind": "captured", "files": [{"name": "film"}]})
    assert "was captured by an earlier version" in fails(capsys, "calibrate", empty, tmp_path / "film")
    file = {"recording": "3f9a2c71", "named": False, "sequences": [{"key": f"{name}/01/090", "track": name, "start_s": 1.0} for name in names]}
    finish_store(tmp_path / "film", ["film"], {"kind": "captured", "files": [file]})
    assert "3 of its people are tracks, such as gate-3f9a2c71-0000" in fails(capsys, "calibrate", empty, tmp_path / "film")
    about = json.loads((empty / "gallery.json").read_text())
    (empty / "gallery.json").write_text(json.dumps({**about, "weights_hash": "0" * 32}))
    assert "templates of another network" in fails(capsys, "gallery", "enrol", empty, "north")
    (empty / "gallery.json").write_text(json.dumps({**about, "version": 2}))
    assert "is a gallery of version 2" in fails(capsys, "gallery", "check", empty)


def test_enrolling_again_says_so(said: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(said["folder"])
    place = str(tmp_path / "gallery")
    assert main(["gallery", "create", place, "--model", "run"]) == 0
    words = ["gallery", "enrol", place, "south", "--person", "Ada", "--where", "person=p0002", "--where", "take=0"]
    for expected in ("8 templates added, 0 there already, of 1 people", "0 templates added, 8 there already, of 1 people"):
        assert main(words) == 0
        assert expected in capsys.readouterr().out
    assert "is enrolled already, as 'Ada', so it cannot be 'Bob'" in fails(capsys, *["Bob" if word == "Ada" else word for word in words])
    assert main(["gallery", "search", place, "south", "--where", "person=p0002", "--where", "take=1", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["probe"] for line in lines} == {"camera", "lidar"}
    assert all(line["hits"][0]["person"] == "Ada" for line in lines)
    assert main(["gallery", "list", place, "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["people"]) == ["Ada"]


def test_a_calibrated_run_hands_its_thresholds_on(said: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(said["folder"])
    shutil.copytree("run", tmp_path / "run")
    assert main(["calibrate", str(tmp_path / "run"), "people", "--rates", "0.2", "0.1"]) == 0
    assert main(["gallery", "create", str(tmp_path / "gallery"), "--model", str(tmp_path / "run")]) == 0
    assert "calibrated on people" in capsys.readouterr().out


def test_from_captures_without_a_label(said: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    """Thresholds from captures; other kinds of walks are warned of, loudly; tracks are proposed, linked and unlinked."""
    monkeypatch.chdir(tmp_path)
    run_folder = str(Path(said["folder"]) / "run")
    captured_store(tmp_path / "street", crowd(32, 2), size=(64, 44))
    captured_store(tmp_path / "other", crowd(8), "o" * 32, segmenter="people.onnx 3f9a2c71", size=(64, 44))
    assert main(["gallery", "create", "known", "--model", run_folder]) == 0
    assert "give either a STORE of known people, or --from-captures" in fails(capsys, "calibrate", "known")
    assert "south is not captured" in fails(capsys, "calibrate", "known", "--from-captures", Path(said["folder"]) / "south")
    both = fails(capsys, "calibrate", "known", "--from-captures", "street", "other")
    assert "segmented by mog2 and people.onnx 3f9a2c71: their distances differ" in both
    assert "none of 64 sequences is good enough" in fails(capsys, "calibrate", "known", "--from-captures", "street")
    all_the_same = ["--least-quality", "0"]
    assert main(["calibrate", "known", "--from-captures", "street", "--rates", "0.2", "0.01", *all_the_same]) == 0
    printed = capsys.readouterr().out
    assert "street: 64 sequences of 32 tracks: 96 pairs of two people, seen at one time; 64 of one person, halves of one walk" in printed
    assert "too few people to state 0.01\n" in printed
    assert "calibrated on street (captured, by mog2, at gate" in printed
    assert main(["gallery", "enrol", "known", "street", *all_the_same]) == 0
    capsys.readouterr()
    assert main(["gallery", "search", "known", "street", "--where", "person=gate-0003", *all_the_same]) == 0
    assert "WARNING" not in capsys.readouterr().out
    assert main(["gallery", "search", "known", "other", "--where", "person=gate-0003", *all_the_same]) == 0
    assert "WARNING: calibrated on walks that are segmented by mog2, not people.onnx 3f9a2c71: rates may be far" in capsys.readouterr().out
    south = str(Path(said["folder"]) / "south")
    words = ["gallery", "verify", "known", south, "gate-0003", "--probe", "camera", "--where", "take=1", "--json", *all_the_same]
    assert main(words) == 0
    out, err = capsys.readouterr()
    (warning,) = json.loads(out.splitlines()[0])["warnings"]
    assert warning.startswith("calibrated on walks that are captured, not simulated: ")
    assert f"WARNING: {warning}" in err
    assert main(["gallery", "search", "known", south, "--probe", "camera", "--json", *all_the_same]) == 0
    line = json.loads(capsys.readouterr().out.splitlines()[0])
    assert line["warnings"] == [warning]
    assert line["provenance"].startswith("calibrated on street (captured, by mog2, at gate, ")
    assert main(["gallery", "links", "known", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["links"] == []
    assert main(["gallery", "link", "known", "gate-0003", "gate-0020"]) == 0
    assert "known: gate-0003 is also gate-0020; undo it with `gaitbridge gallery unlink known gate-0020`" in capsys.readouterr().out
    assert "gate-0010' and 'gate-0003' were seen at the same time" in fails(capsys, "gallery", "link", "known", "gate-0003", "gate-0010")
    assert main(["gallery", "list", "known", "gate-0020"]) == 0
    printed = capsys.readouterr().out
    assert "linked: answers call them gate-0003" in printed
    assert "; gate; enrolled" in printed  # as the capture was told
    assert ", as gate-0003; recorded" in printed
    assert main(["gallery", "links", "known"]) == 0
    assert "linked: gate-0003 is also gate-0020" in capsys.readouterr().out
    assert main(["gallery", "unlink", "known", "gate-0020"]) == 0
    assert "gate-0020 and gate-0003 are two people again" in capsys.readouterr().out
