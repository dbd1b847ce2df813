"""Bodies recovered from real silhouettes, against the 3D landmarks of the model that cut the silhouettes out.

    gaitbridge models get people
    gaitbridge capture video FILM.mp4 film --people learnt
    python benchmarks/real_bodies.py RUN film [MORE STORES] --out pictures [--json errors.json]

RUN: one with a 3D branch, trained on the simulator's bodies. Nobody knows the truth of these frames: the landmarks are another model's estimate from
the colour picture, meant for people nearer than about 4 m, and its hips and shoulders are not the skeleton's. Prints PA-MPJPE (each frame by its own
similarity) in mm by joint, median and 90th percentile over frames beside the mean, of the body as recovered, of the better of its two readings, and
of a still pose, the landmarks' own mean over the walk. With --out a picture a sequence: both skeletons over the silhouette and from the side.
"""

import argparse
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.capture.video.pose import LANDMARKS
from gaitbridge.evaluation.bodies.landmarks import PARENTS, SAME, Pair, joint_errors_mm, paired
from gaitbridge.files import write_json, written_whole
from gaitbridge.inference.bodies import recovered_bodies
from gaitbridge.inference.loading import load
from gaitbridge.machine import described
from gaitbridge.report.bodies import bodies_png
from gaitbridge.store import Store
from gaitbridge.types import Bodies

NEEDED = ("silhouettes", "landmarks", "landmarks_m")


def drawn(silhouettes: np.ndarray, pair: Pair, recovered: Bodies, title: str) -> bytes:
    """Both as skeletons about the hips' middle, which lies where it was recovered; landmarks as large as the recovered body."""
    size = [np.linalg.norm(points[pair.known], axis=(1, 2)).mean() for points in (pair.recovered, pair.landmarks)]
    own, other = pair.recovered.astype(np.float32), (pair.landmarks * (size[0] / max(size[1], 1e-9))).astype(np.float32)
    none = np.empty((len(own), 0, 3), np.float32)
    both = [Bodies(points, none, none, recovered.root_px, recovered.scale_m, pair.known) for points in (own, other)]
    return bodies_png(silhouettes, both[0], both[1], np.empty((0, 3), int), np.array(PARENTS), title=title, other="landmarks")


def measured(model: Any, path: Path, out: Path | None) -> dict[str, list[np.ndarray]]:
    """Errors of a store's sequences that have landmarks, frame by frame, by what is measured; pictures to `out`."""
    store = Store(path)
    found: dict[str, list[np.ndarray]] = {}
    for number, row in enumerate(store.rows):
        if not set(NEEDED) <= set(row["fields"]):
            continue
        arrays = store.read(number, NEEDED).arrays
        body = next(recovered_bodies(model, store, [number]))[1]
        pair = paired(body.joints, model.read_out.joint_names, body.known, arrays["landmarks_m"], arrays["landmarks"][..., 3], LANDMARKS)
        errors = joint_errors_mm(pair)
        print(f"{path.name} {row['key']}, view {row['view']}: {pair.known.sum()} of {len(pair.known)} frames; "
              + ", ".join(f"{name} {one.mean():.0f} mm" for name, one in errors.items() if len(one)))
        for name, one in errors.items():
            found.setdefault(name, []).append(one)
        if out is not None and pair.known.any():
            with written_whole(out / f"{path.name}-{number}.png") as temporary:
                temporary.write_bytes(drawn(arrays["silhouettes"], pair, body, f"{path.name} {row['key']}: recovered, and landmarks"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("stores", type=Path, nargs="+")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    print(f"{given.run}, commit {commit}; {described()}")
    model = load(given.run)
    errors: dict[str, list[np.ndarray]] = {}
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
    for path in given.stores:
        for name, some in measured(model, path, given.out).items():
            errors.setdefault(name, []).extend(some)
    whole = {name: np.concatenate(some) for name, some in errors.items()}
    if not whole or not len(whole["recovered"]):
        raise SystemExit("no frame has both a recovered body and landmarks: capture with --people learnt")
    print(f"\nPA-MPJPE in mm over {len(whole['recovered'])} frames: mean (median, 90th percentile)")
    for column, joint in [*enumerate(SAME), (None, "all")]:
        values = {name: one.mean(1) if column is None else one[:, column] for name, one in whole.items()}
        print(f"{joint:13}" + "".join(f"  {name} {v.mean():5.0f} ({np.median(v):.0f}, {np.quantile(v, 0.9):.0f})" for name, v in values.items()))
    if given.json is not None:
        rows = {name: {"all": float(one.mean()), **dict(zip(SAME, one.mean(0).tolist(), strict=True))} for name, one in whole.items()}
        about = {"run": str(given.run), "commit": commit, "machine": described(), "frames": len(whole["recovered"])}
        write_json(about | {"pa_mpjpe_mm": rows}, given.json)


if __name__ == "__main__":
    main()
