"""A long command in small: a part writes a file. `FOLDER BAD SLOW --part K/N`: parts BAD fail, parts SLOW wait for a file `go`."""

import os
import sys
import time
from pathlib import Path

folder, bad, slow, _, part = sys.argv[1:]
number = part.partition("/")[0]
print(f"part {part}, cores {os.environ['GAITBRIDGE_CORES']}", flush=True)
(Path(folder) / f"{number}.began").write_text(str(os.getpid()))
if number in slow.split(","):
    end = time.monotonic() + 60
    while time.monotonic() < end and not (Path(folder) / "go").exists():
        time.sleep(0.05)
if number in bad.split(","):
    sys.exit(f"part {number} met a wall\n")
with (Path(folder) / f"{number}.done").open("a") as done:
    done.write(part)
