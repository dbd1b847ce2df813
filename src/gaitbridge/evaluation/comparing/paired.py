"""Two ways to recognise, compared on the same probes: the difference, how sure it is over people, and whether chance would give as much.

Side A is the reference, side B what is held against it: a positive difference is B's gain. Each side may have several runs (of several training
seeds): a probe's score is then their mean. Intervals and p-values speak of other people under these runs, not of other training seeds; the value of
each run stands beside them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gaitbridge import __version__
from gaitbridge.conventions import SENSOR, stream
from gaitbridge.data.protocols import Protocol, load_protocol
from gaitbridge.errors import UserError
from gaitbridge.evaluation.embedding.from_store import read_provenance
from gaitbridge.evaluation.ranking import metrics
from gaitbridge.evaluation.results import VIEW_MODES
from gaitbridge.evaluation.row_files import read_row_file, write_row_files
from gaitbridge.evaluation.scoring.compare import Comparison, comparisons
from gaitbridge.progress import Progress, silent
from gaitbridge.store import Store

METRICS = ("rank-1", "mAP", "mINP")
Direction = tuple[str, str, str]  # probe, gallery, and the part of the protocol where it has a gallery of its own
FLIPS = 10_000  # random sign patterns; all of them where there are no more


class PairedDifference(NamedTuple):
    """Means of the probes that both sides scored, their difference b - a with its 95 % bootstrap interval over people, and the p-value."""

    a: float
    b: float
    difference: float
    low: float
    high: float
    p: float


def paired_difference(a: np.ndarray, b: np.ndarray, people: Sequence[str], seed: int = 0) -> PairedDifference:
    """Compare two scores of the same probes.

    a, b: [N], NaN where a probe has no say (it then leaves both sides); people: N identities; seed: of the draws, the same people on both sides.
    low, high and p are NaN with fewer than two people, everything is where no probe is left. ValueError where lengths differ.
    """
    if not len(a) == len(b) == len(people):
        raise ValueError(f"{len(a)} and {len(b)} scores of {len(people)} probes: they must be of the same probes")
    known = ~(np.isnan(a) | np.isnan(b))
    owners = np.asarray(people, dtype=str)[known].tolist()
    difference = (b - a)[known]
    low, high = metrics.people_interval(difference, owners, seed)
    mean_a, mean_b, mean = (metrics.mean_known(values) for values in (a[known], b[known], difference))
    return PairedDifference(mean_a, mean_b, mean, low, high, sign_flip_p(difference, owners, seed))


def sign_flip_p(difference: np.ndarray, people: Sequence[str], seed: int = 0, flips: int = FLIPS) -> float:
    """The two-sided p-value of the mean of `difference` [N] under sign flips of PEOPLE: were the sides alike, a gain were as likely a loss.

    All of a person's probes flip together. Every pattern of signs is tried where there are at most `flips`, else so many are drawn and the
    observed one counts as one of them (Phipson and Smyth 2010), so that p is never 0. NaN with fewer than two people.
    """
    names, owner = np.unique(np.asarray(people, dtype=str), return_inverse=True)
    if len(names) < 2:
        return math.nan
    sums = np.bincount(owner, difference, len(names))
    at_least = abs(sums.sum()) - 1e-9 * np.abs(sums).sum()  # rounding must not make equals unequal
    if 2 ** len(names) <= flips:
        patterns = np.arange(2 ** len(names))[:, None] >> np.arange(len(names)) & 1
        return float(np.mean(np.abs((1 - 2 * patterns) @ sums) >= at_least))
    random, found = stream(seed, "sign flips of people"), 0
    for start in range(0, flips, 1000):
        signs = 1 - 2 * random.integers(0, 2, (min(1000, flips - start), len(names)), dtype=np.int8)
        found += int(np.sum(np.abs(signs @ sums) >= at_least))
    return (1 + found) / (1 + flips)


@dataclass(frozen=True)
class PairedRow:
    """One comparison. a, b: means over probes and runs in `unit`; difference (b - a), low and high in percentage points; None where not defined.

    low, high: 95 % bootstrap interval over people, the same people drawn for both sides; p: of sign flips of people, two-sided, not corrected for the
    number of rows. runs_a, runs_b: the value of each run alone. probes: those with a mate; probes_without_mate: the others.
    """

    metric: str
    unit: str
    a: float | None
    b: float | None
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    runs_a: tuple[float | None, ...]
    runs_b: tuple[float | None, ...]
    probes: int
    probes_without_mate: int
    people: int
    probe_modality: str
    gallery_modality: str
    condition: str
    views: str
    protocol: str
    seed: int
    weights_a: tuple[str, ...]
    weights_b: tuple[str, ...]
    data_hash: str
    code_version: str


class Scores(NamedTuple):
    """What one run scored in one direction: by mode of views a table [N, len(metrics)] of shares, NaN for a probe without a mate."""

    by_views: dict[str, np.ndarray]
    probes: list[str]
    gallery: list[str]
    people: np.ndarray
    parts: dict[str, np.ndarray]  # bool [N] by condition, `all` first where it is one
    weights_hash: str
    metrics: tuple[str, ...] = METRICS


def compare_runs(
    runs_a: Sequence[Path], runs_b: Sequence[Path], store: Store, protocol: Protocol | str = "simulated", *, seed: int = 0,
    views: Sequence[str] = VIEW_MODES, progress: Progress = silent,
) -> list[PairedRow]:
    """Rows of every direction that all runs have, in the modes `views`, over all conditions and by condition.

    runs_a, runs_b: folders of runs evaluated on `store` under `protocol` (or folders that hold their embedding files), one a training seed;
    progress: called with (done, all) runs.
    UserError where a run has no embeddings of this store and protocol, the runs compare other probes or galleries, or have no direction in common.
    """
    rule = load_protocol(protocol) if isinstance(protocol, str) else protocol
    if not runs_a or not runs_b:
        raise UserError("two sides are compared: give one run or more for each")
    sides: list[list[tuple[Path, dict[Direction, Scores]]]] = [[], []]
    for side, runs in zip(sides, (runs_a, runs_b), strict=True):
        for run in runs:
            side.append((run, _scores(run, store, rule, views)))
            progress(sum(map(len, sides)), len(runs_a) + len(runs_b), str(run))
    return compare_scores(sides[0], sides[1], views, rule, seed, store.content_hash)


def compare_scores(
    side_a: Sequence[tuple[Path, dict[Direction, Scores]]], side_b: Sequence[tuple[Path, dict[Direction, Scores]]], views: Sequence[str],
    protocol: Protocol, seed: int, data_hash: str,
) -> list[PairedRow]:
    """Rows of the directions that all have, of scores by direction, with the place each came from. UserError as in compare_runs."""
    everyone = [*side_a, *side_b]
    common = [direction for direction in everyone[0][1] if all(direction in found for _, found in everyone)]
    if not common:
        raise UserError(f"{side_a[0][0]} and {side_b[0][0]} have no direction in common: one knows silhouettes only, the other range views only")
    rows = []
    for direction in common:
        _check_same_walks([(place, found[direction]) for place, found in everyone])
        a, b = ([found[direction] for _, found in side] for side in (side_a, side_b))
        rows += [row for mode in views for row in _rows(a, b, direction, mode, protocol, seed, data_hash)]
    return rows


def evaluation_folder(run: Path, store: Store, protocol: str) -> Path:
    """The folder of a run's embeddings of this store made for this protocol: of `evaluation`, `evaluation-NAME` and the folder itself the first."""
    seen = []
    for folder in [run, *sorted(run.glob("evaluation*"))]:
        files = [folder / f"{modality}.npz" for modality in SENSOR if (folder / f"{modality}.npz").is_file()]
        about = [(str(made.get("data_hash", "")), str(made.get("protocol", protocol))) for made in map(read_provenance, files)]
        if about and all(made in ((store.content_hash, protocol), ("", protocol)) for made in about):
            return folder
        seen += [f"{folder.name} of the store {data[:8] or 'unknown'} under {rule}" for data, rule in about[:1]]
    raise UserError(
        f"{run} has no embeddings of the store {store.content_hash[:8]} under the protocol {protocol} "
        f"(found: {'; '.join(seen) or 'none'}); run `gaitbridge evaluate {run} --data {store.path} --protocol {protocol}`"
    )


def _scores(run: Path, store: Store, protocol: Protocol, views: Sequence[str]) -> dict[Direction, Scores]:
    """The scores of one run by (probe, gallery); distances are dropped, so that many runs fit."""
    folder = evaluation_folder(run, store, protocol.name)
    return {(one.probe_modality, one.gallery_modality, one.own): _of_comparison(one, views) for one in comparisons(folder, store, protocol)}


def _of_comparison(one: Comparison, views: Sequence[str]) -> Scores:
    tables = {}
    for mode in views:
        ranking = one.rank(mode)
        tables[mode] = np.stack([ranking.within(1), ranking.average_precision, ranking.inverse_negative_penalty], axis=1)
    probes, gallery = ([str(row["key"]) for row in side] for side in (one.probes, one.gallery))
    everyone = {} if one.own else {"all": np.ones(len(probes), bool)}
    return Scores(tables, probes, gallery, one.field("probes", "person"), everyone | one.parts, one.weights_hash)


def _check_same_walks(found: Iterable[tuple[Path, Scores]]) -> None:
    (first, wanted), *others = found
    for run, scores in others:
        for side in ("probes", "gallery"):
            own, theirs = set(getattr(scores, side)), set(getattr(wanted, side))
            if own != theirs:
                raise UserError(
                    f"{run} and {first} do not compare the same walks: {len(own ^ theirs)} of the {side} are in one of them only, such as "
                    f"{min(own ^ theirs)!r}; evaluate both on the same store with the same protocol"
                )


def _rows(
    a: Sequence[Scores], b: Sequence[Scores], direction: Direction, views: str, protocol: Protocol, seed: int, data_hash: str
) -> list[PairedRow]:
    """The rows of one direction in one mode: probes stand in index order in every run."""
    people, rows = a[0].people, []
    tables = [np.stack([scores.by_views[views] for scores in side]) for side in (a, b)]   # each [runs, N, metrics]
    for condition, among in a[0].parts.items():
        for number, metric in enumerate(a[0].metrics):
            of_a, of_b = (table[:, among, number] for table in tables)
            found = paired_difference(of_a.mean(0), of_b.mean(0), people[among].tolist(), seed)
            counted = ~np.isnan(of_a[0])
            rows.append(PairedRow(
                metric=metric, unit="%", a=_percent(found.a), b=_percent(found.b), difference=_percent(found.difference), low=_percent(found.low),
                high=_percent(found.high), p=None if math.isnan(found.p) else found.p, runs_a=_each(of_a), runs_b=_each(of_b),
                probes=int(counted.sum()), probes_without_mate=int((~counted).sum()), people=len(set(people[among][counted])),
                probe_modality=direction[0], gallery_modality=direction[1], condition=condition, views=views, protocol=protocol.name, seed=seed,
                weights_a=tuple(scores.weights_hash for scores in a), weights_b=tuple(scores.weights_hash for scores in b), data_hash=data_hash,
                code_version=__version__,
            ))
    return rows


def _percent(share: float) -> float | None:
    return None if math.isnan(share) else 100.0 * share


def _each(scores: np.ndarray) -> tuple[float | None, ...]:
    """The value in % of each run alone, from [runs, N]."""
    return tuple(_percent(metrics.mean_known(one)) for one in scores)


def write_paired(rows: Sequence[PairedRow], out: Path, name: str = "comparison") -> None:
    """`comparison.json` and `comparison.csv` in the folder `out`, each whole or not at all."""
    write_row_files(rows, PairedRow, out, name)


def read_paired(path: Path) -> list[PairedRow]:
    """The rows of a `comparison.json`; UserError where it is missing, StoreError where it is something else."""
    return read_row_file(path, PairedRow, "compare the runs")
