"""Work in parts: who does what, what is known of each, and that the dead are found and named."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gaitbridge import parts
from gaitbridge.errors import UserError
from gaitbridge.parts import Part, Work, chosen, doing, survey

ITEMS = [f"item{number}" for number in range(7)]
WORK = Work(command="simulate", what="people", items={name: [f"{name}.txt"] for name in ITEMS}, result="store.json", merging={})
KILLED = """
import os, signal, sys
from pathlib import Path
from gaitbridge.parts import Part, doing
from test_parts import WORK, do
with doing(Path(sys.argv[1]) / ".parts", Path(sys.argv[1]), WORK, Part(2, 3)) as done:
    do(done, 1)
    done.write("")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def do(done: parts.Doing, most: int = 99) -> list[str]:
    """Make the items that are missing, so many at most."""
    made = done.todo()[:most]
    for name in made:
        (done.base / f"{name}.txt").touch()
        done.one_more()
    return made


def part(folder: Path, number: int, of: int, most: int = 99) -> list[str]:
    with doing(folder / ".parts", folder, WORK, Part(number, of)) as done:
        return do(done, most)


def states(folder: Path) -> dict[str, str]:
    return {str(one.part): one.state for one in survey(folder / ".parts", folder).parts}


def test_parts_are_all_of_it_and_each_once() -> None:
    for of in (1, 2, 3, 7, 9):
        shares = [Part(number, of).share(ITEMS) for number in range(1, of + 1)]
        assert sorted(name for share in shares for name in share) == ITEMS
        inner = [Part(number, of).within(rank, 2).share(ITEMS) for number in range(1, of + 1) for rank in range(2)]
        assert sorted(name for share in inner for name in share) == ITEMS


def test_a_part_is_given_or_a_slurm_array_says_it() -> None:
    array = {"SLURM_ARRAY_TASK_ID": "9", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "5", "SLURM_ARRAY_TASK_STEP": "2"}
    assert chosen(None, {}) is None
    assert chosen("3/8", array) == Part(3, 8)
    assert chosen(None, array) == Part(3, 4)
    assert chosen(None, {"SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_TASK_COUNT": "2", "SLURM_ARRAY_TASK_MIN": "0"}) == Part(1, 2)


@pytest.mark.parametrize("given", ["0/3", "4/3", "3", "/", "a/b", "1/0", "-1/3", "٣/٨"])
def test_what_is_no_part_is_refused(given: str) -> None:
    with pytest.raises(UserError, match="write K/N"):
        chosen(given, {})


@pytest.mark.parametrize("array", [
    {"SLURM_ARRAY_TASK_ID": "9", "SLURM_ARRAY_TASK_COUNT": "3", "SLURM_ARRAY_TASK_MIN": "1"},  # --array=1,3,9
    {"SLURM_ARRAY_TASK_ID": "4", "SLURM_ARRAY_TASK_COUNT": "3", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_STEP": "2"},
    {"SLURM_ARRAY_TASK_ID": "x", "SLURM_ARRAY_TASK_COUNT": "3"},
])  # fmt: skip
def test_an_array_with_gaps_says_no_part(array: dict[str, str]) -> None:
    with pytest.raises(UserError, match="--part K/N"):
        chosen(None, array)


def test_what_is_there_is_not_made_again_under_any_number_of_parts(tmp_path: Path) -> None:
    assert part(tmp_path, 2, 3) == ["item1", "item4"]
    assert part(tmp_path, 2, 3) == []
    assert part(tmp_path, 1, 2) == ["item0", "item2", "item6"]
    assert states(tmp_path) == {"1/2": "done", "2/2": "not begun", "1/3": "not begun", "2/3": "done", "3/3": "not begun"}
    assert survey(tmp_path / ".parts", tmp_path).missing == ("item3", "item5")


def test_a_second_one_at_the_same_part_begins_at_the_other_end(tmp_path: Path) -> None:
    with doing(tmp_path / ".parts", tmp_path, WORK, Part(1, 1)) as first:
        assert first.todo() == ITEMS
        assert part(tmp_path, 1, 1, 2) == ["item6", "item5"]
        assert states(tmp_path) == {"1/1": "unfinished"}  # as the second says, who came last
        assert do(first) == ITEMS[:5]
    assert states(tmp_path) == {"1/1": "done"}


def test_the_killed_are_found_and_named(tmp_path: Path) -> None:
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=Path(__file__).parent, env=os.environ | paths, check=False)
    assert done.returncode == -signal.SIGKILL
    with doing(tmp_path / ".parts", tmp_path, WORK, Part(3, 3)):
        assert states(tmp_path) == {"1/3": "not begun", "2/3": "died", "3/3": "at work"}
    found = survey(tmp_path / ".parts", tmp_path).of("died")
    assert [(one.part, one.owes) for one in found] == [(Part(2, 3), ("item4",))]
    assert "part 2/3 died on" in found[0].in_words()
    assert "at 1 of 2" in found[0].in_words()
    assert part(tmp_path, 2, 3) == ["item4"]
    assert states(tmp_path)["2/3"] == "done"


def test_of_another_machine_silence_is_death(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts.socket, "gethostname", lambda: "elsewhere")
    with doing(tmp_path / ".parts", tmp_path, WORK, Part(1, 1)):
        written = (tmp_path / ".parts/0001-of-0001.json").read_bytes()
    (tmp_path / ".parts/0001-of-0001.json").write_bytes(written)  # as it was when it lived, and no lock tells
    monkeypatch.undo()
    assert states(tmp_path) == {"1/1": "at work"}
    long_ago = os.stat(tmp_path).st_mtime - 2 * parts.SILENT_S
    os.utime(tmp_path / ".parts/0001-of-0001.json", (long_ago, long_ago))
    assert states(tmp_path) == {"1/1": "died"}


def test_an_error_is_on_record(tmp_path: Path) -> None:
    with pytest.raises(UserError), doing(tmp_path / ".parts", tmp_path, WORK, Part(1, 2)):
        raise UserError("the disk is full")
    with pytest.raises(KeyboardInterrupt), doing(tmp_path / ".parts", tmp_path, WORK, Part(2, 2)):
        raise KeyboardInterrupt
    first, second = survey(tmp_path / ".parts", tmp_path).parts
    assert (first.state, second.state) == ("failed", "unfinished")
    assert first.in_words().endswith("4 missing: the disk is full")


def test_signs_of_life_are_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while an item takes long."""
    monkeypatch.setattr(parts, "BEAT_S", 0.01)
    with doing(tmp_path / ".parts", tmp_path, WORK, Part(1, 1)) as done:
        file = tmp_path / ".parts/0001-of-0001.json"
        file.unlink()
        for _ in range(1000):
            if file.exists():
                break
            done._ended.wait(0.01)
        assert file.exists()


def test_a_path_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    strange = Work(**{**WORK, "items": {"x": ["../x"]}})
    with doing(tmp_path / "a/.parts", tmp_path / "a", strange, Part(1, 1)) as done, pytest.raises(UserError, match="not to be trusted"):
        done.todo()
