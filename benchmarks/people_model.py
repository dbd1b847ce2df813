"""How long the learnt people model takes: a look at one person (crop, network, mask on the picture's grid) and one window of detection.

    python benchmarks/people_model.py [FILM] [--frame N] [--box TOP LEFT BOTTOM RIGHT]

A look's time depends on how large the person is, not on what is seen: without a film it is HD of noise, with a box 400 pixels high.
By each runtime that is installed, one thread: the median and the spread of processor time, and time on the clock. Needs the fetched model.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

import numpy as np

from gaitbridge.capture.video import network
from gaitbridge.capture.video.learnt import LearntPeople
from gaitbridge.machine import described
from gaitbridge.printing import say

COUNT = 60


def timed(name: str, act: Callable[[], object]) -> None:
    """Say how long something takes, over COUNT times."""
    for _ in range(5):
        act()
    cpu, wall = [], []
    for _ in range(COUNT):
        begun = time.process_time(), time.perf_counter()
        act()
        cpu.append(1e3 * (time.process_time() - begun[0]))
        wall.append(1e3 * (time.perf_counter() - begun[1]))
    low, middle, high = np.percentile(cpu, [5, 50, 95])
    say(f"{name:34s} {middle:6.1f} ms of processor ({low:.1f} to {high:.1f}), {np.median(wall):6.1f} ms on the clock")


def main() -> None:
    """The command."""
    words = argparse.ArgumentParser()
    words.add_argument("film", type=Path, nargs="?")
    words.add_argument("--frame", type=int, default=0)
    words.add_argument("--box", type=float, nargs=4, default=(300, 900, 700, 1060))
    told = words.parse_args()
    pixels = np.random.default_rng(0).integers(0, 256, (1080, 1920, 3), dtype=np.uint8)
    if told.film:
        from gaitbridge.capture.video.decode import Video

        pixels = next(picture.pixels for picture in Video(told.film).pictures() if picture.number == told.frame)
    box = np.array(told.box, float)
    window = (box[None, :2] + box[None, 2:]) / 2 + np.array([[-1, -1, 1, 1]]).reshape(2, 2) * (box[2] - box[0])
    say(described())
    for name, module in (("litert", "ai_edge_litert"), ("openvino", "openvino")):
        if find_spec(module) is None:
            continue
        begun = time.process_time()
        with patch.object(network, "runtime", return_value=name):
            people = LearntPeople()
        say(f"{name}: opened in {time.process_time() - begun:.2f} s of processor")
        timed(f"{name}: a look at one person", partial(people.look, pixels, box))
        timed(f"{name}: a window of detection", partial(people.detect, pixels, window.reshape(1, 4)))


if __name__ == "__main__":
    main()
