"""A quick look at the ladder, to tune a simulator by: no network, each sequence as its mean picture, a minute a store.

    python benchmarks/ladder_quick.py STORE [STORE ...]

Pictures of each sensor and view are reduced by principal components and mapped into one space in which training people part and the views (and, for
the joint one, the sensors) of one person agree: discriminant analysis of several views (Kan et al. 2012), a linear map for each. Rank-1 under the
store's own protocol, other views. A proxy: levels are not a network's, and what a linear map of a mean picture cannot see (depth that moves with the
limbs, outlines shifted by a crop) is missing from it. It stands for directions: what became harder, for which sensor, under which condition.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg

from gaitbridge.data.protocols import chosen_protocol
from gaitbridge.evaluation.comparing import ladder
from gaitbridge.evaluation.comparing.ladder import CC, CL, LC, LL, NAMES, ONE, Asked, LadderRow
from gaitbridge.models.preparation import DEPTH_SCALE_M
from gaitbridge.store import Store

COMPONENTS, SPACE, SHRINKAGE, DEPTH = 80, 60, 0.1, 0.5  # the last: how much depth counts beside the outline
CONDITIONS = ("normal", "bag", "clothing", "carrying", "umbrella", "uniform", "occlusion", "night", "all")


def pictures(store: Store, numbers: list[int]) -> dict[str, np.ndarray]:
    """Mean pictures by input, float32 [N, pixels]: silhouettes, where the LiDAR had returns, how deep these are."""
    found: dict[str, list[np.ndarray]] = {"camera": [], "outline": [], "depth": []}
    for start in range(0, len(numbers), 256):
        for sequence in store.read_many(numbers[start : start + 256], ["silhouettes", "range_views"]):
            ranges = sequence.arrays["range_views"]
            seen = np.isfinite(ranges)
            metres = np.where(seen, ranges, 0.0)
            mean = metres.sum((1, 2), keepdims=True) / np.maximum(seen.sum((1, 2), keepdims=True), 1)
            depth = np.where(seen, np.clip((metres - mean) / DEPTH_SCALE_M, -3, 3), 0.0)
            found["camera"].append((sequence.arrays["silhouettes"] / 255.0).mean(0).ravel())
            found["outline"].append(seen.mean(0).ravel())
            found["depth"].append((depth.sum(0) / np.maximum(seen.sum(0), 1)).ravel())
    return {name: np.asarray(values, np.float32) for name, values in found.items()}


def components(x: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Principal components [N, COMPONENTS] of pictures [N, pixels], found on those of `train`."""
    mean = x[train].mean(0)
    _, _, axes = np.linalg.svd(x[train] - mean, full_matrices=False)
    return (x - mean) @ axes[:COMPONENTS].T


def embedded(blocks: list[tuple[np.ndarray, np.ndarray]], people: np.ndarray, train: np.ndarray) -> list[np.ndarray]:
    """Unit vectors [n, SPACE] of each block in a common space. blocks: (rows [n] of the sequences, what is known of them [n, C])."""
    width = [found.shape[1] for _, found in blocks]
    starts = np.concatenate([[0], np.cumsum(width)])
    names = np.unique(people[train])
    size = starts[-1]
    within, sums, counts = np.zeros((size, size)), np.zeros((len(names), size)), np.zeros(len(names))
    for number, (rows, found) in enumerate(blocks):
        own, here = train[rows], slice(starts[number], starts[number + 1])
        who = np.searchsorted(names, people[rows][own])
        within[here, here] += found[own].T @ found[own]
        np.add.at(sums[:, here], who, found[own])
        counts += np.bincount(who, minlength=len(names))
    means = sums / counts[:, None]
    within -= (means * counts[:, None]).T @ means
    between = (means * counts[:, None]).T @ means
    within += SHRINKAGE * np.trace(within) / size * np.eye(size)
    values, axes = scipy.linalg.eigh(between, within, subset_by_index=[size - min(SPACE, len(names) - 1), size - 1])
    axes = axes * np.sqrt(np.maximum(values, 0.0))
    made = [found @ axes[starts[number] : starts[number + 1]] for number, (_, found) in enumerate(blocks)]
    return [one / np.maximum(np.linalg.norm(one, axis=1, keepdims=True), 1e-9) for one in made]


def hits(probe: np.ndarray, gallery: np.ndarray, rows: list[dict[str, Any]], sides: tuple[list[int], list[int]],
         order: list[str]) -> dict[str, np.ndarray]:
    """By condition [people, 2]: each person's probes whose nearest gallery sequence of another view is theirs, and all of their probes."""
    probes, mates = sides
    view, person = (np.asarray([row[name] for row in rows]) for name in ("view", "person"))
    condition = np.asarray([row["condition"] for row in rows])
    likeness = probe[probes] @ gallery[mates].T
    likeness[view[probes][:, None] == view[mates][None]] = -np.inf
    right = person[mates][likeness.argmax(1)] == person[probes]
    owner = np.searchsorted(order, person[probes])
    found = {}
    for name in CONDITIONS:
        among = np.ones(len(probes), bool) if name == "all" else condition[probes] == name
        if among.any():
            found[name] = np.stack([np.bincount(owner[among], right[among], len(order)), np.bincount(owner[among], minlength=len(order))], 1)
    return found


def measured(path: Path) -> dict[Asked, np.ndarray]:
    """What the ladder asks for, of one store."""
    store = Store(path)
    rows = [dict(row) for row in store.rows]
    numbers = [n for n, row in enumerate(rows) if row["split"] in ("train", "test")]
    rows = [rows[n] for n in numbers]
    found = pictures(store, numbers)
    people, view = (np.asarray([row[name] for row in rows]) for name in ("person", "view"))
    train = np.asarray([row["split"] == "train" for row in rows])
    sides = chosen_protocol(None, store.document["about"], str(path)).choose(rows)
    order = sorted({str(rows[n]["person"]) for n in (*sides[0], *sides[1])})
    places = [np.flatnonzero(view == one) for one in np.unique(view)]
    of_view = {name: [(at, components(x[at], train[at])) for at in places] for name, x in found.items()}
    of_view["depth"] = [(at, np.hstack([outline, DEPTH * deep]))
                        for (at, outline), (_, deep) in zip(of_view["outline"], of_view["depth"], strict=True)]

    def whole(blocks: list[tuple[np.ndarray, np.ndarray]], made: list[np.ndarray]) -> np.ndarray:
        result = np.zeros((len(rows), made[0].shape[1]))
        for (at, _), part in zip(blocks, made, strict=True):
            result[at] = part
        return result

    result: dict[Asked, np.ndarray] = {}
    for arm, name, direction in ((ladder.CAMERA_OUTLINE, "camera", CC), (ladder.LIDAR_OUTLINE, "outline", LL), (ladder.LIDAR_DEPTH, "depth", LL)):
        alone = whole(of_view[name], embedded(of_view[name], people, train))
        result |= {Asked(arm, direction, condition): table for condition, table in hits(alone, alone, rows, sides, order).items()}
    both = [*of_view["camera"], *of_view["depth"]]
    made = embedded(both, people, train)
    half = len(of_view["camera"])
    sensors = {"camera": whole(both[:half], made[:half]), "lidar": whole(both[half:], made[half:])}
    for direction in (CC, LL, CL, LC):
        one = hits(sensors[direction[0]], sensors[direction[1]], rows, sides, order)
        result |= {Asked(ONE, direction, condition): table for condition, table in one.items()}
    return result


def share(table: np.ndarray | None) -> str:
    return "-" if table is None else f"{100 * table[:, 0].sum() / table[:, 1].sum():.1f}"


def line(row: LadderRow) -> str:
    if row.value is None or row.real is None or row.aim_low is None or row.aim_high is None:
        return ""
    digits = 2 if row.unit == "ratio" else 1
    interval = "" if row.low is None or row.high is None else f"[{row.low:.{digits}f}, {row.high:.{digits}f}]"
    aim = f"{row.aim_low:.{digits}f} to {row.aim_high:.{digits}f}"
    verdict = "met" if row.met else f"off by {row.off:.{digits}f}"
    return f"{f'{row.group}: {row.name}':88} {row.value:7.{digits}f} {interval:16} real {row.real:.{digits}f}, aim {aim:16} {verdict}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stores", nargs="+", type=Path)
    for path in parser.parse_args().stores:
        found = measured(path)
        print(f"\n{path}: rank-1 in %, other views, linear maps of mean pictures; in brackets real data with networks")
        print(f"{'':45}" + "".join(f"{name:>14}" for name in CONDITIONS))
        for direction in (CC, LL, CL, LC):
            cells = [f"{share(found.get(Asked(ONE, direction, name)))} ({ladder.REAL[direction][name]:.0f})" for name in CONDITIONS]
            print(f"{'both sensors: ' + NAMES[direction]:45}" + "".join(f"{cell:>14}" for cell in cells))
        for arm, direction in ((ladder.CAMERA_OUTLINE, CC), (ladder.LIDAR_OUTLINE, LL), (ladder.LIDAR_DEPTH, LL)):
            cells = [share(found.get(Asked(arm, direction, name))) for name in CONDITIONS]
            cells[-1] += f" ({ladder.REAL_ALONE[arm]:.0f})"
            print(f"{'alone: ' + arm:45}" + "".join(f"{cell:>14}" for cell in cells))
        print()
        for row in ladder.ladder_rows({0: found}, {}):
            if text := line(row):
                print(text)


if __name__ == "__main__":
    main()
