"""Simulated frames beside real ones: LiDAR points on a pedestrian, and shape and roughness of silhouettes.

    python benchmarks/realism.py --lidar SCAN.npz --rows 67 85 --columns 615 622 --video STREET.avi

--lidar: a scan of an Ouster OS1-128 as range_mm [128, columns] under a name that ends in range_mm, and the box of a pedestrian in it. --video: a
static camera over walking people; they are cut out by background subtraction (needs opencv), which is also what makes their outlines rough. Either
may be left out. Prints the versions, the commit and medians with their 10th and 90th percentiles over people and frames.
"""

import argparse
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.simulation.settings import CohortConfig
from gaitbridge.simulation.takes import open_source, plan, render_person

SIZE = (64, 44)


def simulated(people: int, **settings: Any) -> list[dict[str, np.ndarray]]:
    """The arrays of all sequences of some test people."""
    config = CohortConfig.model_validate({"people": {"test": people}, "takes": [["normal"]], "frames": 10, "truth": False, "seed": 99} | settings)
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
    made = simulated(12, lidar="ouster-os1-128", distance_m=(distance, distance), extras=("points",), lidar_height_m=(1.7, 2.1))
    counts = np.concatenate([one["points_on_person"] for one in made])
    print(f"simulated, the same LiDAR and distance: {said(counts)} points, {len(counts)} frames of 12 people from 8 views")


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


def compare_silhouettes(video: Path) -> None:
    """Shape and roughness of real and of simulated silhouettes."""
    groups = {"real, background subtraction": people_in(video)}
    for level in (0.0, 1.0, 2.0):
        made = simulated(10, segmentation_error=level, camera_height_m=(3.0, 6.0))
        groups[f"simulated, segmentation_error {level:g}"] = [mask > 0 for one in made for mask in one["silhouettes"][::3]]
    for name, masks in groups.items():
        print(f"{name:36} {len(masks):5} silhouettes  " + "  ".join(f"{key} {said(values)}" for key, values in measures(masks).items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--lidar", type=Path)
    parser.add_argument("--rows", type=int, nargs=2, default=[0, 127])
    parser.add_argument("--columns", type=int, nargs=2, default=[0, 1023])
    parser.add_argument("--video", type=Path)
    given = parser.parse_args()
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=Path(__file__).parent, check=False)
    print(f"commit {commit.stdout.strip()}")
    if given.lidar:
        compare_points(given.lidar, given.rows, given.columns)
    if given.video:
        compare_silhouettes(given.video)


if __name__ == "__main__":
    main()
