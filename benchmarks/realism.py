"""Simulated frames beside real ones: LiDAR points on a pedestrian; shape, roughness, overlap and steadiness of silhouettes.

    gaitbridge capture video STREET.avi street --people learnt
    python benchmarks/realism.py --lidar SCAN.npz --rows 67 85 --columns 615 622 --video STREET.avi --learnt street

--lidar: a scan of an Ouster OS1-128 as range_mm [128, columns] under a name that ends in range_mm, and the box of a pedestrian in it. --video: a
static camera over walking people; they are cut out by background subtraction (needs opencv), which is also what makes their outlines rough.
--learnt: stores that were captured by a learnt segmenter. Each may be left out; with none, simulated silhouettes alone. What the error models
of the simulator are fitted by. Prints the versions, the commit and medians with their 10th and 90th percentiles over people and frames.
"""

import argparse
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.simulation.settings import VERSION_1, VERSION_2, CohortConfig
from gaitbridge.simulation.takes import open_source, plan, render_person
from gaitbridge.store import Store

SIZE = (64, 44)
LEAST_ROWS = 58  # native pixels that somebody must be high to count


def simulated(people: int, version: dict[str, Any], **settings: Any) -> list[dict[str, np.ndarray]]:
    """The arrays of all sequences of some test people."""
    given = {"people": {"test": people}, "takes": [["normal"]], "frames": 10, "truth": False, "seed": 99}
    config = CohortConfig.model_validate(given | version | settings)
    return [dict(one.arrays) for person in plan(config, open_source(config.motion)) for one in render_person(config, person, person.name)]


def said(values: np.ndarray) -> str:
    """Median and percentiles."""
    low, middle, high = np.percentile(values, [10, 50, 90])
    return f"{middle:.3g} [{low:.3g}, {high:.3g}]"


def compare_points(file: Path, rows: list[int], columns: list[int]) -> None:
    """Points on a pedestrian of a real scan, and on simulated ones at that distance before the same LiDAR."""
    content = np.load(file, allow_pickle=False)
    name = next(name for name in content.files if name.endswith("range_mm"))
    box = content[name][rows[0] : rows[1] + 1, columns[0] : columns[1] + 1].astype(float) / 1000
    distance = float(np.median(box[box > 0]))
    on = (np.abs(box - distance) < 0.6) & (box > 0)
    print(f"real pedestrian at {distance:.1f} m: {int(on.sum())} points, {int(on.any(1).sum())} rows x {int(on.any(0).sum())} columns")
    for name, version in (("v1", VERSION_1), ("v2", VERSION_2)):
        made = simulated(12, version, lidar="ouster-os1-128", distance_m=(distance, distance), extras=("points",), lidar_height_m=(1.7, 2.1))
        counts = np.concatenate([one["points_on_person"] for one in made])
        print(f"simulated {name}, the same LiDAR and distance: {said(counts)} points, {len(counts)} frames of 12 people from 8 views")


def normalised(mask: np.ndarray) -> np.ndarray | None:
    """A mask cut to its rows, 64 high, its middle column at the middle of 44; None where it is too small to tell."""
    import cv2

    rows = np.flatnonzero(mask.any(1))
    if len(rows) < 30:
        return None
    cut = mask[rows[0] : rows[-1] + 1].astype(np.uint8)
    wide = cv2.resize(cut, (max(1, round(cut.shape[1] * SIZE[0] / cut.shape[0])), SIZE[0]), interpolation=cv2.INTER_NEAREST)
    weight = np.cumsum(wide.sum(0))
    middle = int(np.searchsorted(weight, weight[-1] / 2))
    padded = np.pad(wide, ((0, 0), (SIZE[1], SIZE[1])))
    return padded[:, middle + SIZE[1] - SIZE[1] // 2 : middle + SIZE[1] + SIZE[1] // 2] > 0


def measures(masks: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Of silhouettes 64 x 44: area as a share, width over height, roughness: pixels that a 3 x 3 median changes in 100 of outline."""
    import cv2

    found: dict[str, list[float]] = {"area": [], "width / height": [], "roughness": []}
    for mask in masks:
        image = mask.astype(np.uint8)
        outline = int((image != cv2.erode(image, np.ones((3, 3), np.uint8))).sum())
        if not outline:
            continue
        found["area"].append(float(mask.mean()))
        found["width / height"].append(int(mask.any(0).sum()) / SIZE[0])
        found["roughness"].append(100 * float((cv2.medianBlur(image, 3) != image).sum()) / outline)
    return {name: np.asarray(values) for name, values in found.items()}


def people_in(video: Path, most: int = 400) -> list[np.ndarray]:
    """Silhouettes of single upright people whom background subtraction finds apart from the picture's border and from each other."""
    import cv2

    reader, found = cv2.VideoCapture(str(video)), list[np.ndarray]()
    model = cv2.createBackgroundSubtractorMOG2(history=300, varThreshold=25, detectShadows=True)
    number = 0
    while len(found) < most:
        read, frame = reader.read()
        if not read:
            break
        mask = (model.apply(frame) == 255).astype(np.uint8)
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        number += 1
        if number < 100 or number % 5:
            continue
        _, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
        for label, (x, y, width, height, area) in enumerate(stats.tolist()):
            upright = 1.8 < height / max(width, 1) < 4.0 and 60 <= height <= 160 and area > 0.3 * width * height
            inside = x > 2 and y > 2 and x + width < mask.shape[1] - 2 and y + height < mask.shape[0] - 2
            if label and upright and inside and (one := normalised(labels[y : y + height, x : x + width] == label)) is not None:
                found.append(one)
    return found


def unlike(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """1 - IoU of masks bool [..., H, W], of those where anybody shows in both."""
    shows = one.any((-1, -2)) & other.any((-1, -2))
    found: np.ndarray = 1 - ((one & other).sum((-1, -2)) / np.maximum((one | other).sum((-1, -2)), 1))[shows]
    return found


def steadiness(walks: list[np.ndarray]) -> str:
    """How unlike masks are a frame and three frames apart, how the two compare, and pixels that flicker: unlike in the frames on both sides."""
    near, apart = (np.concatenate([unlike(walk[:-lag], walk[lag:]) for walk in walks if len(walk) > lag]) for lag in (1, 3))
    flicker = [100 * ((walk[1:-1] != walk[:-2]) & (walk[1:-1] != walk[2:])).sum((1, 2)) / np.maximum(walk[1:-1].sum((1, 2)), 1)
               for walk in walks if len(walk) > 2]  # fmt: skip
    ratio = np.median(near) / np.median(apart)
    return f"1 - IoU a frame apart {said(near)}, three {said(apart)}, ratio {ratio:.2f}, flicker {said(np.concatenate(flicker))} % of the area"


def captured(path: Path) -> tuple[list[np.ndarray], float]:
    """The walks bool [T, H, W] of a captured store of people who are high enough, and its frames a second."""
    store, walks, steps = Store(path), list[np.ndarray](), list[np.ndarray]()
    for number in store.select():
        arrays = store.read(number, ["silhouettes", "silhouettes_time_s", "silhouettes_box"]).arrays
        box, steps_s = arrays["silhouettes_box"], np.diff(arrays["silhouettes_time_s"])
        steps.append(steps_s)
        if len(steps_s) and np.nanmedian(box[:, 2] - box[:, 0]) >= LEAST_ROWS:
            cuts = np.flatnonzero(steps_s > 1.5 * np.median(steps_s)) + 1  # where frames are missing
            walks += np.split(arrays["silhouettes"] > 0, cuts)
    return walks, float(1 / np.median(np.concatenate(steps)))


def tell(name: str, walks: list[np.ndarray]) -> None:
    """One row of the table."""
    masks = [mask for walk in walks for mask in walk[::5] if mask.any()]
    print(f"{name:44} {len(masks):5} silhouettes  " + "  ".join(f"{key} {said(values)}" for key, values in measures(masks).items()))


def compare_silhouettes(video: Path | None, learnt: list[Path]) -> None:
    """Shape, roughness, overlap and steadiness of real and of simulated silhouettes."""
    if video:
        tell("real, background subtraction", [mask[None] for mask in people_in(video)])
    rates = {10.0}
    for path in learnt:
        walks, rate_hz = captured(path)
        rates.add(round(rate_hz))
        tell(f"real, learnt segmenter, {path.name}", walks)
        print(f"    {rate_hz:.0f} frames a second: {steadiness(walks)}")
    high: dict[str, Any] = {"camera_height_m": (3.0, 6.0), "frames": 20, "extras": ("clean_silhouettes",)}
    for level in (0.0, 1.0, 2.0):
        made = simulated(10, VERSION_1, segmentation_error=level, **high)
        tell(f"simulated v1, segmentation_error {level:g}", [one["silhouettes"] > 0 for one in made])
    for rate_hz in sorted(rates):
        kinds: dict[str, dict[str, Any]] = {
            "segmenter": {}, "segmenter of another site": {"site": 1}, "background subtraction": {"silhouettes": "background_subtraction"}
        }  # fmt: skip
        found = {name: simulated(10, VERSION_2 | {"lidar_hz": rate_hz} | kind, **high) for name, kind in kinds.items()}
        walks_of = {name: [one["silhouettes"] > 0 for one in made] for name, made in found.items()}
        walks_of["clean"] = [one["clean_silhouettes"] > 0 for one in found["segmenter"]]
        for name, walks in walks_of.items():
            tell(f"simulated v2, {name}", walks)
            print(f"    {rate_hz:.0f} frames a second: {steadiness(walks)}")
        print("overlap (IoU): " + ", ".join(
            f"{name} and {other} {said(1 - unlike(np.stack(walks_of[name]), np.stack(walks_of[other])))}"
            for name, other in (("segmenter", "segmenter of another site"), ("segmenter", "clean"), ("segmenter of another site", "clean"),
                                ("segmenter", "background subtraction"))))  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--lidar", type=Path)
    parser.add_argument("--rows", type=int, nargs=2, default=[0, 127])
    parser.add_argument("--columns", type=int, nargs=2, default=[0, 1023])
    parser.add_argument("--video", type=Path)
    parser.add_argument("--learnt", type=Path, nargs="*", default=[])
    given = parser.parse_args()
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=Path(__file__).parent, check=False)
    print(f"commit {commit.stdout.strip()}")
    if given.lidar:
        compare_points(given.lidar, given.rows, given.columns)
    compare_silhouettes(given.video, given.learnt)


if __name__ == "__main__":
    main()
