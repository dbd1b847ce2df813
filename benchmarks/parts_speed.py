"""What parts bring and cost: a cohort simulated by one process and by two, through the launcher `processes:N`.

    python benchmarks/parts_speed.py OUT.json [--people 16] [--frames 30] [--repeats 2] [--processes 1 2]

Of each run: the clock on the wall; and of the processor, which a busy machine does not stretch: what each part took, what its start and end took
beside its people, and what the launcher took itself. A run would take the launcher's time and the longest part's where each has a core of its own:
`alone_s`. All stores must have one content hash. The file keeps each person's time, for `parts_hundred.py`.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"


def main() -> None:
    """Run one and two processes in turn and write what was measured."""
    reading = argparse.ArgumentParser(description=__doc__)
    reading.add_argument("out", type=Path)
    reading.add_argument("--people", type=int, default=16)
    reading.add_argument("--frames", type=int, default=30)
    reading.add_argument("--repeats", type=int, default=2)
    reading.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    asked = reading.parse_args()
    from gaitbridge.machine import described

    runs = []
    for _ in range(asked.repeats):
        for processes in asked.processes:
            with tempfile.TemporaryDirectory() as folder:
                runs.append(run(Path(folder), processes, asked.people, asked.frames))
            print(json.dumps({name: value for name, value in runs[-1].items() if name != "each_s"}), flush=True)
            asked.out.write_text(json.dumps({"machine": described(), "people": asked.people, "frames": asked.frames, "runs": runs}, indent=1) + "\n")
    assert len({one["content"] for one in runs}) == 1


def run(folder: Path, processes: int, people: int, frames: int) -> dict[str, Any]:
    """One launch; times in seconds."""
    from gaitbridge.launchers._launching import Launch, launch

    store, times = folder / "store", folder / "times"
    times.mkdir()
    words = ("simulate", str(store), "--train", str(people), "--val", "0", "--test", "0", "--seed", "1", "--frames", str(frames), "--workers", "0")
    program = ("-P", __file__, "--as-part", str(times))
    clock, own = time.monotonic(), time.process_time()
    launch(Launch(words, f"processes:{processes}", processes, {}, folder / "logs", lambda: None, program))
    wall, own = time.monotonic() - clock, time.process_time() - own
    parts = [json.loads(file.read_text()) for file in sorted(times.iterdir())]
    each = [time_s for part in parts for time_s in part["each_s"]]
    alone = own + max(part["cpu_s"] for part in parts)
    return {"processes": processes, "wall_s": round(wall, 2), "alone_s": round(alone, 2), "launcher_s": round(own, 2),
            "parts_s": [round(part["cpu_s"], 2) for part in parts],
            "beside_people_s": [round(part["cpu_s"] - sum(part["each_s"]), 2) for part in parts],
            "share_beside_people": round(1 - sum(each) / processes / alone, 3), "person_s": round(sum(each) / len(each), 3),
            "each_s": [round(one, 3) for one in each], "content": json.loads((store / "store.json").read_text())["content_hash"]}


def as_part(times: Path, words: list[str]) -> None:
    """One part, in the process that the launcher began; what it took of the processor goes to a file."""
    from gaitbridge.cli import main as command
    from gaitbridge.simulation import cohort

    each, render = list[float](), cohort._render_shard

    def timed(*arguments: Any) -> str:
        began = time.process_time()
        name = render(*arguments)
        each.append(time.process_time() - began)
        return name

    cohort._render_shard = timed  # type: ignore[assignment]
    code = command(words)
    (times / words[-1].replace("/", "-of-")).write_text(json.dumps({"cpu_s": time.process_time(), "each_s": each}))
    sys.exit(code)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--as-part"]:
        as_part(Path(sys.argv[2]), sys.argv[3:])
    else:
        main()
