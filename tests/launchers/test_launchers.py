"""Launchers: every part runs, what failed is named, what is stopped leaves nothing at work, and again only what is missing runs."""

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small_parts import PROGRAM, done, errand, until, work

from gaitbridge.cli import main
from gaitbridge.cli.launching import _result
from gaitbridge.errors import UserError
from gaitbridge.launchers import processes
from gaitbridge.launchers._launching import launch, number_of_parts, read_options
from gaitbridge.parts import Survey

SLURM = pytest.mark.skipif(importlib.util.find_spec("submitit") is None, reason="without the extra slurm")


def alive(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    try:
        return status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_each_part_runs_once_and_leaves_no_log(tmp_path: Path) -> None:
    launch(work(tmp_path))
    assert done(tmp_path) == {"1": "1/3", "2": "2/3", "3": "3/3"}
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize("on", ["processes:2", pytest.param("slurm", marks=SLURM)])
def test_a_part_that_failed_is_named_with_its_last_line_and_the_others_are_done(on: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of SLURM by submitit's emulator: the same path but for sbatch and squeue."""
    options = {"cluster": "local", "time": "1", "cpus_per_task": "2"} if on == "slurm" else {}
    with pytest.raises(UserError, match=r"1 of 2 parts failed \(2/2\).*again does what is missing"):
        launch(work(tmp_path, on, parts=2, bad="2", options=options))
    log = tmp_path / "logs" / "part-0002-of-0002.log"
    assert f"part 2 met a wall ({log})" in capsys.readouterr().err
    assert "part 2/2" in log.read_text()
    assert done(tmp_path) == {"1": "1/2"}
    if on == "slurm":
        assert "cores 2" in log.read_text()
        assert (tmp_path / "logs" / "submitit").stat().st_mode & 0o077 == 0  # pickles of this user alone


def test_again_only_what_is_missing_runs(tmp_path: Path) -> None:
    items: dict[str, list[str]] = {f"person {number}": [] for number in range(6)}

    def look() -> Survey:
        return Survey({"command": "simulate", "what": "people", "items": items, "result": "", "merging": {}}, ("person 1", "person 4"), (), False)

    launch(work(tmp_path, look=look))
    assert set(done(tmp_path)) == {"2"}


def test_where_nothing_is_missing_one_part_checks_what_is_there(tmp_path: Path) -> None:
    """It may be of another command: that is the command's own to say."""
    whole = Survey({"command": "simulate", "what": "people", "items": {"a": []}, "result": "", "merging": {}}, (), (), True)
    launch(work(tmp_path, look=lambda: whole))
    assert set(done(tmp_path)) == {"1"}


def test_stopped_early_no_part_is_left_at_work(tmp_path: Path) -> None:
    ending = processes.launch([errand(tmp_path, number, 3, slow="2,3") for number in (1, 2, 3)], "processes:3", {})
    assert next(ending).code == 0
    assert until(lambda: (tmp_path / "2.began").exists() and (tmp_path / "3.began").exists())
    began = [int((tmp_path / f"{number}.began").read_text() or 0) for number in (2, 3)]
    ending.close()
    assert not any(alive(process) for process in began if process)
    assert set(done(tmp_path)) == {"1"}


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux ends it")
def test_a_part_ends_with_a_beginner_that_is_killed(tmp_path: Path) -> None:
    code = (f"from pathlib import Path; from gaitbridge.launchers._errands import Errand, run; f = Path({str(tmp_path)!r}); "
            f"run(Errand((str(f), '', '1'), 1, 1, f, f / 'log', program={PROGRAM!r}))")
    with subprocess.Popen([sys.executable, "-c", code]) as beginner:
        assert until(lambda: (tmp_path / "1.began").exists() and bool((tmp_path / "1.began").read_text()))
        process = int((tmp_path / "1.began").read_text())
        beginner.send_signal(signal.SIGKILL)
    assert until(lambda: not alive(process))


def test_each_process_has_its_share_of_the_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gaitbridge.machine.cores", lambda: 7)
    assert [ended.last for ended in processes.launch([errand(tmp_path, 1, 1)], "processes:2", {})] == ["part 1/1, cores 3"]


@pytest.mark.parametrize(("on", "options", "words"), [
    ("kubernetes", {}, "unknown launchers 'kubernetes'"),
    ("processes:none", {}, "write processes:N"),
    ("processes:2", {"time": "3"}, "takes no --with time"),
    ("slurm:main", {"time": "3"}, "write slurm alone"),
    ("ray", {}, "write ray://HOST:PORT"),
    ("ray://localhost:1", {"partition": "main"}, "tasks of Ray take num_cpus"),
    ("ray://localhost:1", {"num_cpus": "many"}, "a number is wanted"),
    pytest.param("slurm", {}, "--with time=MINUTES", marks=SLURM),
    pytest.param("slurm", {"time": "3", "partitoin": "main"}, "did you mean 'partition'", marks=SLURM),
])  # fmt: skip
def test_mistakes_show_before_anything_runs(on: str, options: dict[str, str], words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words):
        launch(work(tmp_path, on, options=options))
    assert not list(tmp_path.glob("*.began"))


@pytest.mark.parametrize(("on", "package"), [("slurm", "submitit"), ("ray://localhost:1", "ray")])
def test_a_missing_extra_is_a_line_that_says_what_to_install(on: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=rf"needs the package {package}: pip install 'gaitbridge\["):
        launch(work(tmp_path, on))


def test_options_and_numbers_of_parts_are_read(tmp_path: Path) -> None:
    assert read_options(["partition=main", "comment=a=b"]) == {"partition": "main", "comment": "a=b"}
    for wrong in (["partition"], ["=main"], ["time=1", "time=2"]):
        with pytest.raises(UserError, match="write NAME=VALUE"):
            read_options(wrong)
    assert number_of_parts("processes:3", None) == 3
    assert number_of_parts("processes:3", 8) == 8
    with pytest.raises(UserError, match="--parts N"):
        number_of_parts("slurm", None)


@pytest.mark.parametrize(("words", "out"), [
    ("simulate walks --train 2", "walks"), ("embed run walks out.npz", "out.npz"), ("benchmark make small made", "made"),
    ("import casia_b files store", "store"), ("capture video a.mp4 b.mp4 films", "films"), ("capture lidar a.pcap scans", "scans"),
    ("score a.npz --protocol CASIA-B --out b.json", "b.json"), ("study ladder --data walks --out runs", "runs"),
])  # fmt: skip
def test_what_a_command_makes_is_known(words: str, out: str) -> None:
    assert _result(tuple(words.split()), 3) == Path(out)


def test_a_wrong_command_is_refused_in_a_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for command, words in (("simulate walks --trian 2", "--trian"), ("protocols", "--part"), ("simulate walks --part 1/2", "leave it out")):
        assert main(["launch", "--on", "processes:2", *command.split()]) == 2
        said = capsys.readouterr().err
        assert words in said
        assert said.count("\n") == 1
    assert os.listdir(tmp_path) == []
