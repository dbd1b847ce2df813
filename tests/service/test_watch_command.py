"""`gaitbridge watch` itself, with a run and a calibrated gallery, from standard input; interrupted, it answers what has begun and ends with 130."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ENVIRONMENT, gaitbridge_command
from live_sources import late_walkers, lines_of, until
from small_run import small_run
from toy import make_toy_store

from gaitbridge.cli import main
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.gallery.templates import Walk
from gaitbridge.inference.loading import load
from gaitbridge.store import Store

NOTHING = b"\x47\x1f\xff\x10" + b"\xff" * 184  # a packet of MPEG-TS


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory, toy_store: Store) -> Path:
    """A gallery of four people, calibrated on thirty others."""
    folder = tmp_path_factory.mktemp("known")
    run = small_run(toy_store, folder / "run")
    make_toy_store(folder / "others", {"test": 34}, views=(0,))
    place = folder / "gallery"
    assert main(["gallery", "create", str(place), "--model", str(run)]) == 0
    assert main(["calibrate", str(place), str(folder / "others"), "--rates", "0.3"]) == 0
    numbers = toy_store.select(split="test")
    walks = [Walk(f"{number:032x}", toy_store.rows[number]["person"], toy_store.rows[number]["key"], "d" * 32) for number in numbers]
    found = toy_store.read_many(numbers, ["silhouettes"])
    Gallery(place).enrol(load(run).embed_stored(silhouettes=[one.arrays["silhouettes"] for one in found]), walks)
    return place


def test_from_standard_input_until_ctrl_c(known: Path, tmp_path: Path) -> None:
    out, film = tmp_path / "out", late_walkers(tmp_path / "a.ts", 2, last_s=2.5)
    words = gaitbridge_command("watch", "-", "--gallery", known, "--out", out, "--reject", "0.3", "--site", "gate", "--least-quality", "0")
    with subprocess.Popen(words, env=ENVIRONMENT | {"PYTHONPATH": ":".join(sys.path)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as child:  # fmt: skip
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdin.write(film.read_bytes() + NOTHING * 1000)
        child.stdin.flush()
        until(lambda: len(lines_of(out)) == 1)
        child.send_signal(signal.SIGINT)
        said, told = child.stdout.read().decode(), child.stderr.read().decode()
        assert child.wait() == 130, told
    lines = [json.loads(line) for line in said.splitlines()]
    assert lines == lines_of(out)
    assert len(lines) == 2
    for line in lines:
        assert line["outcome"] in ("named", "nobody")
        assert (line["decision"] is None) == (line["outcome"] == "nobody")
        assert line["people"] == 4
        assert line["hits"][0]["person"].startswith("p00")
        assert any("simulated, not captured" in warning for warning in line["warnings"])
        assert (out / line["picture"]).is_file()
    assert "ending: what has begun is finished" in told
    assert "Traceback" not in told


def test_mistakes_are_one_line(known: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = str(late_walkers(tmp_path / "a.ts", 1, empty_s=0.1))
    for more, words in ((["--reject", "0.0001"], "cannot be stated with 4 people"), (["--reject", "2"], "--reject 2"),
                        (["--webhook", "host", "--reject", "0.3"], "give an address"), (["--min-height", "1"], "--min-height 1")):
        assert main(["watch", film, "--gallery", str(known), "--out", str(tmp_path / "out"), *more]) == 2
        told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("gaitbridge: ")]
        assert len(told) == 1
        assert words in told[0]
    assert main(["watch", "--gallery", str(known)]) == 2
    assert main(["watch", film, film, "--gallery", str(known)]) == 2
    assert "named twice" in capsys.readouterr().err
