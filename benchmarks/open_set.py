"""How true the stated rates of identification are, and how many of the known are found, on people who were never calibrated on.

    gaitbridge train diffcrossgait/tiny --data people --out run
    gaitbridge simulate calib --train 0 --val 0 --test 160 --seed 11 --conditions normal normal bag,clothing normal bag,clothing
    gaitbridge simulate test --train 0 --val 0 --test 200 --seed 12
    python benchmarks/open_set.py run calib test --keep embedded

Calibrates on the first store (a fifth of its people are the cohort) with the first normal take as templates, then asks with the other takes of
the second, of whom each is a stranger to every gallery drawn of the others. Means over all galleries of a size are exact
(`gallery.strangers`), so nothing is drawn but the bootstrap over people. `--keep`: a folder for the embeddings; a second call has them at once.
"""

import argparse
from pathlib import Path

import numpy as np

from gaitbridge.conventions import SENSOR
from gaitbridge.evaluation.ranking.matrix import distance
from gaitbridge.gallery.cohort import Cohort, made_of, normalised
from gaitbridge.gallery.decision import Direction, calibrate, known_by_name, person_distances
from gaitbridge.gallery.strangers import _interval, names_somebody
from gaitbridge.gallery.tracks import fused, groups_of, track_of
from gaitbridge.types import Embeddings

SIZES, RATES = (10, 25, 50, 100), (0.1, 0.01)


def embedded(run: Path, store: Path, keep: Path) -> dict[str, np.ndarray]:
    """Embeddings of both modalities, and keys, people and takes, of a store."""
    file = keep / f"{store.resolve().name}.npz"
    if not file.is_file():
        from gaitbridge.cli._gallery import embed
        from gaitbridge.inference.loading import load
        from gaitbridge.store import Store

        model, source = load(run), Store(store)
        rows = source.rows
        made = {name: np.asarray([row[name] for row in rows]) for name in ("key", "person", "condition", "take")}
        for modality in model.modalities:
            made[modality] = embed(model, source, range(len(rows)), modality).values
        keep.mkdir(exist_ok=True)
        made["distance"] = np.asarray(model.distance)
        np.savez(file, **made)  # type: ignore[arg-type]
    with np.load(file) as found:
        return {name: found[name] for name in found.files}


def first_takes(data: dict[str, np.ndarray]) -> np.ndarray:
    """Numbers of the sequences that are enrolled."""
    return np.flatnonzero((data["condition"] == "normal") & (data["take"] == 0))


def side(data: dict[str, np.ndarray], modality: str, chosen: np.ndarray) -> Embeddings:
    """Some embeddings of a modality."""
    return Embeddings(data[modality][chosen], "cosine" if str(data["distance"]) == "cosine" else "euclidean", modality, "one")


def measured(test: dict[str, np.ndarray], direction: Direction, modalities: tuple[str, str], cohort: Cohort | None) -> None:
    """Print what a direction's thresholds give on other people, by walks fused, rate and size of the gallery."""
    held = first_takes(test)
    asking = np.setdiff1d(np.arange(len(test["key"])), held)
    probe, gallery = side(test, modalities[0], asking), side(test, modalities[1], held)
    scores = distance(probe, gallery).astype(float)
    if cohort is not None:
        scores = normalised(scores, cohort.means(probe, direction.gallery), cohort.means(gallery, direction.probe))
    tracks = [track_of(key, "simulated") for key in test["key"]]
    known = known_by_name(test["person"][asking], test["person"][held], [tracks[at] for at in asking], [tracks[at] for at in held])
    names, others = person_distances(np.where(known.different, scores, np.inf), test["person"][held])
    own = person_distances(np.where(known.same, scores, np.inf), test["person"][held])[1].min(1)
    for strangers in direction.strangers:
        groups = groups_of([tracks[at] for at in asking], strangers.walks)
        theirs, mine = fused(others, groups), fused(own, groups)
        searchers = [str(test["person"][asking[group[0]]]) for group in groups]
        near = (theirs <= mine[:, None]).sum(1)
        count = np.isfinite(theirs).sum(1)
        for rate in RATES:
            said = []
            for size in SIZES:
                limit = strangers.threshold(rate, size)
                if limit is None:
                    said.append(f"{size}: not stated")
                    continue
                named = names_somebody((theirs <= limit).sum(1), count, size).mean()
                low, high = _interval(theirs, limit, searchers, names.tolist(), size)
                found = np.where(mine <= limit, 1 - names_somebody(near, count, size - 1), 0.0)
                by_person = np.asarray([found[np.asarray(searchers) == name].mean() for name in names])
                spread = 1.96 * by_person.std() / np.sqrt(len(names))
                normal = test["condition"][asking[[group[0] for group in groups]]] == "normal"
                apart = [100 * names_somebody((theirs <= limit).sum(1)[some], count[some], size).mean() for some in (normal, ~normal)]
                said.append(f"{size}{'+' if size > strangers.largest else ''}: named {100 * named:.2f} [{100 * low:.2f}, {100 * high:.2f}] "
                            f"(normal {apart[0]:.2f}, else {apart[1]:.2f}) found {100 * found.mean():.1f} +/- {100 * spread:.1f}")
            by = "cohort" if cohort else "plain "
            print(f"{direction.probe}-{direction.gallery} {by} {strangers.walks} walks, stated {rate:g}: {'; '.join(said)}", flush=True)


def main() -> None:
    """Calibrate, with a cohort and without, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("calibrate", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--keep", type=Path, default=Path("embedded"))
    parser.add_argument("--probe", default="", help="camera or lidar alone")
    asked = parser.parse_args()
    calib, test = (embedded(asked.run, store, asked.keep) for store in (asked.calibrate, asked.test))
    names = np.unique(calib["person"])
    apart = np.isin(calib["person"], names[::5])
    modalities = [name for name in ("silhouettes", "range_views") if name in calib]
    cohort = made_of({SENSOR[one]: side(calib, one, np.flatnonzero(apart)) for one in modalities},
                     {SENSOR[one]: calib["person"][apart].tolist() for one in modalities}, True, "calib")
    chosen = np.flatnonzero(~apart)
    people, tracks = calib["person"][chosen].tolist(), [track_of(key, "simulated") for key in calib["key"][chosen]]
    templates = np.flatnonzero(np.isin(chosen, first_takes(calib)))
    for probe in modalities:
        if asked.probe and SENSOR[probe] != asked.probe:
            continue
        for by in (None, cohort):
            sides = [side(calib, one, chosen) for one in modalities]
            count = len(sides)
            found = calibrate(sides, [people] * count, [tracks] * count, "calib", "-", "-", RATES, cohort=by, enrolled=[templates] * count)
            for gallery in modalities:
                direction = found.direction(SENSOR[probe], SENSOR[gallery])
                if direction is not None:
                    measured(test, direction, (probe, gallery), by)


if __name__ == "__main__":
    main()
