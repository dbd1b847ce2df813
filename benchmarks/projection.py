"""How fast point clouds become range views and depth pictures, beside a plotting library that draws the same frames.

    python benchmarks/projection.py [--recording SCANS.npz] [--repeats 9] [--frames 24]

Frames: a person of the simulator before a VLS-128, eight view angles; and, where given, people-sized pieces of a real recording (a .npz with
arrays `*_xyz_m` [B, C, 3]), and its whole scans. The contestants take turns within each repeat, on one thread: range views of 64 x 64; depth
pictures of 64 x 64; and a scatter plot as the published pictures are drawn (a hundredth of an inch a cell, saved as PNG to memory and read
back), alone, and cropped and enlarged to 64 x 64 by Pillow. Milliseconds a frame: median of the repeats (least to most). The ratios are of the
same repeat.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # before NumPy is imported

import argparse
import io
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np

from gaitbridge.geometry.depth_picture import depth_pictures
from gaitbridge.geometry.projection import SUSTECH1K, Projection, full_view, range_views
from gaitbridge.geometry.sensors import open_sensor
from gaitbridge.machine import described
from gaitbridge.simulation.settings import CohortConfig
from gaitbridge.simulation.takes import open_source, plan, render_person

Contestant = Callable[[Sequence[np.ndarray], Projection], object]


def commit() -> str:
    """The commit of the code, + where the geometry differs from it."""
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], capture_output=True, text=True, cwd=Path(__file__).parent, check=False).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "--", "../src/gaitbridge/geometry") else "")


def simulated(frames: int) -> list[np.ndarray]:
    """Clouds of one simulated person, spread over the views, in SUSTech1K's axes."""
    config = CohortConfig(people={"test": 1}, takes=(("normal",),), extras=("points",))
    person = plan(config, open_source(config.motion))[0]
    clouds = [sequence.arrays["points"] for sequence in render_person(config, person, person.name)]
    single = [cloud[cloud[:, 4] == frame][:, :3] @ SUSTECH1K.axes.T for cloud in clouds for frame in np.unique(cloud[:, 4])]
    return single[:: max(len(single) // frames, 1)][:frames]


def recorded(path: Path, frames: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Pieces of two metres' width around returns of a real scan, some hundred points each, and the whole scans."""
    with np.load(path) as arrays:
        scans = [arrays[name].reshape(-1, 3) for name in arrays.files if name.endswith("_xyz_m")]
    scans = [scan[np.linalg.norm(scan, axis=1) > 0.5] for scan in scans]
    random = np.random.default_rng(0)
    pieces: list[np.ndarray] = []
    while len(pieces) < frames:
        scan = scans[len(pieces) % len(scans)]
        piece = scan[np.linalg.norm(scan - scan[random.integers(len(scan))], axis=1) < 1]
        if 100 < len(piece) < 1500:
            pieces.append(piece)
    return pieces, scans


def plotted(frames: Sequence[np.ndarray], sensor: Projection) -> list[np.ndarray]:
    """The frames drawn by the plotting library, in the sensor's whole turn and field."""
    from matplotlib import pyplot

    low, high = np.rad2deg(sensor.elevations[[-1, 0]])
    rows = sensor.elevation_step_deg or float(np.median(-np.diff(np.rad2deg(sensor.elevations))))
    width, height = 360 / sensor.azimuth_step_deg, (high - low) / rows
    pictures = []
    for points in frames:
        ahead, left, up = (points @ sensor.axes).T
        distance = np.sqrt(ahead**2 + left**2)
        figure, axes = pyplot.subplots(figsize=(width / 100, height / 100), dpi=100)
        right = (180 - np.rad2deg(np.arctan2(left, ahead))) / sensor.azimuth_step_deg
        axes.scatter(right, (np.rad2deg(np.arctan2(up, distance)) - low) / rows, s=1, c=-distance, linewidths=0, cmap="jet")
        axes.set_facecolor("black")
        axes.axis("scaled")
        axes.xaxis.set_visible(False)
        axes.yaxis.set_visible(False)
        axes.set_xlim(0, width)
        axes.set_ylim(0, height)
        with io.BytesIO() as file:
            figure.savefig(file, format="png", dpi=100, bbox_inches="tight", pad_inches=0)
            pyplot.close(figure)
            file.seek(0)
            pictures.append(pyplot.imread(file))
    return pictures


def published(frames: Sequence[np.ndarray], sensor: Projection) -> list[np.ndarray]:
    """Pictures of 64 x 64 from plots: rows cropped, enlarged to 64 rows, 64 columns around the one that halves the brightness."""
    from PIL import Image

    pictures = []
    for plot in plotted(frames, sensor):
        whole = (plot[..., :3] * 255).astype(np.uint8)
        rows = np.flatnonzero(whole.any((1, 2)))
        person = Image.fromarray(whole[rows[0] : rows[-1] + 1])
        large = np.asarray(person.resize((64 * person.width // person.height, 64), Image.Resampling.BICUBIC))
        brightness = large.sum((0, 2), dtype=np.int64).cumsum()
        middle = int(np.searchsorted(brightness, brightness[-1] / 2))
        pictures.append(large[:, max(middle - 32, 0) : middle + 32])
    return pictures


def compare(title: str, frames: list[np.ndarray], sensor: Projection, ours: dict[str, Contestant], repeats: int) -> None:
    """Measure our ways beside the plotting library, and print."""
    contestants = ours | {"scatter plot": plotted} | ({"plot, cropped": published} if "depth pictures" in ours else {})
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for repeat in range(-1, repeats):  # the first one warms up
        for name, way in contestants.items():
            started = time.perf_counter()
            way(frames, sensor)
            if repeat >= 0:
                taken[name].append((time.perf_counter() - started) / len(frames) * 1e3)
    print(f"{title}: {len(frames)} frames of {min(map(len, frames))} to {max(map(len, frames))} points, median {np.median([*map(len, frames)]):.0f}")
    for name, ms in taken.items():
        text = f"  {name:14} {statistics.median(ms):8.3f} ms ({min(ms):.3f} to {max(ms):.3f})"
        for slow in contestants if name in ours else ():
            if slow not in ours:
                ratios = sorted(more / less for more, less in zip(taken[slow], ms, strict=True))
                text += f"; {slow} takes {statistics.median(ratios):.0f} times as long ({ratios[0]:.0f} to {ratios[-1]:.0f})"
        print(text)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recording", type=Path)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--frames", type=int, default=24)
    given = parser.parse_args()
    mpl.use("Agg")
    person: dict[str, Contestant] = {"range views": range_views, "depth pictures": depth_pictures}
    print(f"command   python benchmarks/projection.py {' '.join(word if '/' not in word else Path(word).name for word in sys.argv[1:])}")
    print(f"commit    {commit()}")
    print(f"hardware  {described()}, one thread; matplotlib {mpl.__version__}, numpy {np.__version__}")
    compare("simulated person, VLS-128", simulated(given.frames), SUSTECH1K, person, given.repeats)
    if given.recording:
        pieces, scans = recorded(given.recording, given.frames)
        ouster = open_sensor("ouster-os1-128")
        compare("pieces of a real street, OS-1-128", pieces, ouster, person, given.repeats)
        turns: dict[str, Contestant] = {"whole turns": lambda frames, sensor: [full_view(frame, sensor) for frame in frames]}
        compare("whole scans of a real street, OS-1-128", scans, ouster, turns, given.repeats)


if __name__ == "__main__":
    main()
