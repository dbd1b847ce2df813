"""What keeps a network's two modalities apart: its embeddings by parts of the variance, and rank-1 with a part taken out by the true labels.

    gaitbridge evaluate RUN --data STORE
    python benchmarks/modality_gap.py RUN/evaluation --people 50

Every sequence is a probe, all sequences of another walk and another view are the gallery. A line that moves a person's mean uses the true labels: it
is no method, but says what rank-1 hangs on.
"""

import argparse
from pathlib import Path

import numpy as np

from gaitbridge.conventions import CAMERA, LIDAR
from gaitbridge.evaluation.embedding.file import read_any
from gaitbridge.evaluation.ranking.matrix import distance
from gaitbridge.types import Embeddings

Values = dict[str, np.ndarray]
FILES = {CAMERA: "silhouettes.npz", LIDAR: "range_views.npz"}


def means(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Of each row [N, C, K] the mean of its group."""
    names, number = np.unique(groups, return_inverse=True)
    total = np.zeros((len(names), *values.shape[1:]))
    np.add.at(total, number, values)
    found: np.ndarray = (total / np.bincount(number)[:, None, None])[number]
    return found


def variances(values: Values, people: np.ndarray) -> dict[str, float]:
    """Parts of the variance, summed over channels and parts: between people, between a person's modalities, between the modalities, the rest."""
    own = {m: means(values[m], people) for m in FILES}
    person, half = (own[CAMERA] + own[LIDAR]) / 2, (own[CAMERA] - own[LIDAR]) / 2

    def size(x: np.ndarray) -> float:
        return float(np.square(x).sum((1, 2)).mean())

    return {"person": size(person - person.mean(0)), "person x modality": size(half - half.mean(0)), "modality": float(np.square(half.mean(0)).sum()),
            "rest, camera": size(values[CAMERA] - own[CAMERA]), "rest, LiDAR": size(values[LIDAR] - own[LIDAR])}


def changed(values: Values, people: np.ndarray, views: np.ndarray) -> dict[str, Values]:
    """The embeddings by what was taken out of them."""
    own = {m: means(values[m], people) for m in FILES}
    middle = (own[CAMERA] + own[LIDAR]) / 2
    return {
        "as they are": values,
        "without the mean of each modality": {m: values[m] - values[m].mean(0) for m in FILES},
        "without the mean of each view and modality": {m: values[m] - means(values[m], views) for m in FILES},
        "both modalities' means of a person at their middle": {m: values[m] - own[m] + middle for m in FILES},
        "the camera's mean of a person at the LiDAR's": values | {CAMERA: values[CAMERA] - own[CAMERA] + own[LIDAR]},
        "the LiDAR's mean of a person at the camera's": values | {LIDAR: values[LIDAR] - own[LIDAR] + own[CAMERA]},
    }


def rank1(values: Values, probe: str, gallery: str, people: np.ndarray, barred: np.ndarray) -> float:
    """Rank-1 in % of all rows of one modality among all rows of the other that are not barred."""
    apart = distance(*(Embeddings(np.ascontiguousarray(values[m], np.float32), "euclidean") for m in (probe, gallery)))
    apart[barred] = np.inf
    return float(100 * (people[apart.argmin(1)] == people).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("evaluation", type=Path, help="the folder evaluation of a run that embeds both modalities")
    parser.add_argument("--people", type=int, default=50, help="the first so many people (default 50)")
    given = parser.parse_args()
    files = {m: read_any(given.evaluation / name) for m, name in FILES.items()}
    place = {key: row for row, key in enumerate(files[LIDAR].keys)}
    camera = files[CAMERA]
    first = np.unique(camera.people)[: given.people]
    rows = [row for row, key in enumerate(camera.keys) if key in place and camera.people[row] in first]
    other = [place[camera.keys[row]] for row in rows]
    values: Values = {CAMERA: np.asarray(camera.values[rows], np.float64), LIDAR: np.asarray(files[LIDAR].values[other], np.float64)}
    people, views = camera.people[rows], camera.views[rows]
    walks = np.char.add(np.char.add(people, "/"), camera.types[rows])
    barred = (walks[:, None] == walks) | (views[:, None] == views)
    print(f"{len(first)} people, {len(rows)} sequences of both modalities")
    print("variance: " + ", ".join(f"{name} {value:.2f}" for name, value in variances(values, people).items()))
    pairs = [(CAMERA, LIDAR), (LIDAR, CAMERA), (CAMERA, CAMERA), (LIDAR, LIDAR)]
    print("rank-1, %".ljust(56) + "  ".join(f"{probe}-{gallery}" for probe, gallery in pairs))
    for name, made in changed(values, people, views).items():
        print(name.ljust(56) + "  ".join(f"{rank1(made, *pair, people, barred):{len(pair[0]) + len(pair[1]) + 1}.1f}" for pair in pairs), flush=True)


if __name__ == "__main__":
    main()
