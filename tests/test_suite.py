"""The suite itself ends, whatever a test does, and says which test it was."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = '''
import ctypes, os, signal
import pytest

@pytest.mark.parametrize("number", range(4))
def test_fine(number): pass

def test_that_kills_its_process(): os.kill(os.getpid(), signal.SIGSEGV)

def test_that_hangs_inside_a_library(): ctypes.PyDLL(None).pause()  # no other Python thread runs meanwhile

def test_that_comes_after(): pass
'''


def run(folder: Path, *options: str) -> str:
    """What pytest says with our settings."""
    (folder / "test_bad.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(folder), "-p", "no:cacheprovider",
               "-o", "faulthandler_timeout=3", *options, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280, cwd=folder)
    assert done.returncode != 0
    return done.stdout + done.stderr


def test_workers_that_die_or_hang_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    said = run(tmp_path, "-n", "2")
    assert "crashed while running 'test_bad.py::test_that_kills_its_process'" in said
    assert "crashed while running 'test_bad.py::test_that_hangs_inside_a_library'" in said
    assert "in test_that_kills_its_process" in said  # and where in it
    assert "in test_that_hangs_inside_a_library" in said
    assert "2 failed, 5 passed" in said


def test_a_hang_without_workers_is_named(tmp_path: Path) -> None:
    said = run(tmp_path, "-k", "hangs", "-n", "0")
    assert "Timeout (0:00:03)!" in said
    assert "in test_that_hangs_inside_a_library" in said
