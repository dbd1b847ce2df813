"""The command line as a user calls it, in a process of its own, and a toy cohort."""

import os
import subprocess
import sys
from pathlib import Path

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
COHORT = ("--train", "4", "--val", "2", "--test", "3", "--frames", "4", "--views", "000", "090", "--conditions", "normal", "normal", "bag,clothing",
          "--workers", "0")
SETTINGS = ("steps=12", "validate_every=4", "log_every=1", "data.people_per_batch=4", "data.sequences_per_person=2", "data.frames=2")


def gaitbridge_command(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "gaitbridge", *map(str, words)]


def run(*words: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(gaitbridge_command(*words), env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, done.stderr
    return done
