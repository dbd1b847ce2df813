"""Two ways to recognise, compared on the same probes: the difference, how sure it is over people, and whether chance would give as much.

Side A is the reference, side B what is held against it: a positive difference is B's gain. Each side may have several runs (of several training
seeds): a probe's score is then their mean. Intervals and p-values speak of other people under these runs, not of other training seeds; the value of
each run stands beside them.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gaitbridge import __version__
from gaitbridge.conventions import SENSOR
from gaitbridge.data.protocols import Protocol, load_protocol
from gaitbridge.data.protocols.partition import ProbeSet
from gaitbridge.errors import UserError
from gaitbridge.evaluation.comparing.difference import measured_difference
from gaitbridge.evaluation.embedding.file import read_any, read_provenance
from gaitbridge.evaluation.row_files import read_row_file, write_row_files
from gaitbridge.evaluation.scoring.compared import Compared, Request, compared
from gaitbridge.evaluation.scoring.measures import Measure, measures
from gaitbridge.evaluation.scoring.rows import sides_of
from gaitbridge.progress import Progress, silent
from gaitbridge.store import Store
from gaitbridge.types import Distance

Direction = tuple[str, str, str]  # probe, gallery, and the part of the protocol where it has a gallery of its own
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
    """What one file or run scored in one direction: its numbers, of probes in the order of their keys."""

    measures: dict[str, list[Measure]]  # by mode of views
    conditions: dict[str, np.ndarray]  # bool [N], the probes of each
    probes: list[str]
    gallery: set[str]
    people: list[str]
    weights_hash: str


Side = Sequence[tuple[Path, dict[Direction, Scores]]]


def compare_runs(
    runs_a: Sequence[Path], runs_b: Sequence[Path], store: Store, protocol: Protocol | str = "simulated", *, seed: int = 0,
    probe_set: Sequence[str] | None = None, progress: Progress = silent,
) -> list[PairedRow]:
    """Rows of every direction that all runs have, in all modes of views, by condition.

    runs_a, runs_b: folders of runs evaluated on `store` under `protocol` (or folders that hold their embedding files), one a training seed;
    progress: called with (done, all) runs.
    UserError where a run has no embeddings of this store and protocol, the runs compare other probes or galleries, or have no direction in common.
    """
    rule = load_protocol(protocol) if isinstance(protocol, str) else protocol

    def of_run(run: Path) -> dict[Direction, Scores]:
        sides = sides_of(evaluation_folder(run, store, rule.name), store, rule, probe_set)
        return {(one.probe_modality, one.gallery_modality, one.own): _scores(one, one.weights_hash) for one in sides}

    return _compared(runs_a, runs_b, of_run, rule, seed, store.content_hash, progress)


def compare_files(
    files_a: Sequence[Path], files_b: Sequence[Path], protocol: Protocol, *, distance: Distance | None = None,
    partition: ProbeSet | None = None, seed: int = 0, progress: Progress = silent,
) -> list[PairedRow]:
    """As `compare_runs`, of files of embeddings. UserError where files cannot be scored, or compare other walks."""

    def of_file(path: Path) -> dict[Direction, Scores]:
        file = read_any(path)
        directions, _ = compared(file, Request(protocol, distance or file.distance, partition=partition))
        name = str(file.about.get("weights_hash") or hashlib.blake2b(str(path).encode(), digest_size=4).hexdigest())
        return {(one.probe_modality, one.gallery_modality, one.own): _scores(one, name) for direction in directions for one in direction.sides}

    return _compared(files_a, files_b, of_file, protocol, seed, "", progress)


def protocol_of_files(files: Sequence[Path]) -> str:
    """The protocol that files of embeddings say they were made for. UserError where they say none, or several."""
    said = {str(read_any(path).about.get("protocol", "")) for path in files}
    if len(said) > 1 or not all(said):
        raise UserError(f"{files[0]} and the others do not say under which protocol to score them: choose one with --protocol")
    return said.pop()


def _compared(paths_a: Sequence[Path], paths_b: Sequence[Path], scores_of: Callable[[Path], dict[Direction, Scores]], protocol: Protocol, seed: int,
              data_hash: str, progress: Progress) -> list[PairedRow]:
    if not paths_a or not paths_b:
        raise UserError("two sides are compared: give one run or more for each, or files")
    sides: list[list[tuple[Path, dict[Direction, Scores]]]] = [[], []]
    for side, paths in zip(sides, (paths_a, paths_b), strict=True):
        for path in paths:
            side.append((path, scores_of(path)))
            progress(sum(map(len, sides)), len(paths_a) + len(paths_b), str(path))
    everyone = [*sides[0], *sides[1]]
    common = [direction for direction in everyone[0][1] if all(direction in found for _, found in everyone)]
    if not common:
        raise UserError(f"{sides[0][0][0]} and {sides[1][0][0]} have no direction in common: one knows silhouettes only, the other range views only")
    rows = []
    for direction in common:
        _check_same_walks([(place, found[direction]) for place, found in everyone])
        a, b = ([found[direction] for _, found in side] for side in sides)
        rows += _rows(a, b, direction, protocol, seed, data_hash)
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


def _scores(one: Compared, weights_hash: str) -> Scores:
    """The numbers of one comparison; distances are dropped, so that many runs fit."""
    one.rank_all()
    keys = one.probes["key"].astype(str)
    order = np.argsort(keys)
    found = {
        mode: [replace(measure, values=measure.values[order], lines=measure.lines[order], chance=None, compared=measure.compared[order])
               for measure in measures(one, mode)]
        for mode in one.protocol.modes
    }  # fmt: skip
    conditions = {name: among[order] for name, among in one.conditions.items()}
    people = np.asarray(one.people)[order].tolist()
    return Scores(found, conditions, keys[order].tolist(), set(one.gallery["key"].tolist()), people, weights_hash)


def _check_same_walks(found: Iterable[tuple[Path, Scores]]) -> None:
    (first, wanted), *others = found
    for place, scores in others:
        for side in ("probes", "gallery"):
            own, theirs = set(getattr(scores, side)), set(getattr(wanted, side))
            if own != theirs:
                raise UserError(
                    f"{place} and {first} do not compare the same walks: {len(own ^ theirs)} of the {side} are in one of them only, such as "
                    f"{min(own ^ theirs)!r}; evaluate both on the same store with the same protocol"
                )


def _rows(a: Sequence[Scores], b: Sequence[Scores], direction: Direction, protocol: Protocol, seed: int, data_hash: str) -> list[PairedRow]:
    """The rows of one direction: the protocol's numbers, in each of its modes of views, by condition."""
    first, rows = a[0], []
    for mode in protocol.modes:
        for condition, among in first.conditions.items():
            for number, shape in enumerate(first.measures[mode]):
                runs = [[scores.measures[mode][number] for scores in side] for side in (a, b)]
                means = [replace(shape, values=np.mean([run.values for run in side], axis=0)) for side in runs]
                found = measured_difference(means[0], means[1], among, first.people, seed)
                counted = shape.known(among)
                if math.isnan(found.difference):
                    continue
                rows.append(PairedRow(
                    metric=shape.name, unit="%", a=_percent(found.a), b=_percent(found.b), difference=_percent(found.difference),
                    low=_percent(found.low), high=_percent(found.high), p=None if math.isnan(found.p) else found.p,
                    runs_a=tuple(_percent(run.mean(among)) for run in runs[0]), runs_b=tuple(_percent(run.mean(among)) for run in runs[1]),
                    probes=int(counted.sum()), probes_without_mate=int((among & ~counted).sum()),
                    people=len(set(np.asarray(first.people)[counted].tolist())), probe_modality=direction[0], gallery_modality=direction[1],
                    condition=condition, views=mode, protocol=protocol.name, seed=seed, weights_a=tuple(scores.weights_hash for scores in a),
                    weights_b=tuple(scores.weights_hash for scores in b), data_hash=data_hash, code_version=__version__,
                ))  # fmt: skip
    return rows


def _percent(share: float) -> float | None:
    return None if math.isnan(share) else 100.0 * share


def write_paired(rows: Sequence[PairedRow], out: Path, name: str = "comparison") -> None:
    """`comparison.json` and `comparison.csv` in the folder `out`, each whole or not at all."""
    write_row_files(rows, PairedRow, out, name)


def read_paired(path: Path) -> list[PairedRow]:
    """The rows of a `comparison.json`; UserError where it is missing, StoreError where it is something else."""
    return read_row_file(path, PairedRow, "compare the runs")
