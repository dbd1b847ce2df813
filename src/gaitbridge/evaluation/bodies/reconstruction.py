"""How wrong recovered 3D bodies are: the errors of sequences to rows of results, over all, by view and by condition, beside mean poses.

Two mean poses say what an error is worth: that of all training frames as their cameras saw them, and that of the training frames of the same nominal
view, which knows where the camera stands but looks at nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge import __version__
from gaitbridge.errors import UserError
from gaitbridge.evaluation.bodies.errors import METRICS, MIRRORINGS, Errors, Mirrors, frame_errors
from gaitbridge.evaluation.row_files import read_row_file, write_row_files
from gaitbridge.evaluation.scoring import bootstrap
from gaitbridge.types import Bodies

NETWORK, MEAN_OF_VIEW, MEAN = SOURCES = ("network", "mean pose of the view", "mean pose")


@dataclass(frozen=True)
class SequenceErrors:
    """The errors of one sequence by one source: `errors` as of `frame_errors`, of the frames that are known; the others are counted."""

    key: str
    person: str
    view: str
    condition: str
    source: str
    errors: Errors
    frames: int
    frames_left_out: int


@dataclass(frozen=True)
class ReconstructionRow:
    """One number in `unit`: the mean over all known frames; None where there are none.

    low, high: 95 % bootstrap interval over people, None with fewer than two. mirroring: none or better (see `frame_errors`). source: of SOURCES.
    view and condition: a name, or `all`. frames, sequences, people: those that count; frames_left_out: where the body or its truth is not known.
    weights_hash: of the network, empty for mean poses. data_hash: of the store measured on.
    """

    metric: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    mirroring: str
    source: str
    view: str
    condition: str
    frames: int
    frames_left_out: int
    sequences: int
    people: int
    seed: int
    weights_hash: str
    data_hash: str
    code_version: str


@dataclass
class MeanPose:
    """A running mean over frames: joints [J, 3], markers [M, 3], vertices [V, 3] in metres, root at the origin, axes of the viewing ray."""

    frames: int = 0
    sums: dict[str, np.ndarray] = field(default_factory=dict)

    def add(self, truth: Bodies) -> None:
        """Take the known frames of one sequence into the mean. UserError where they are of another body model than before."""
        for name in ("joints", "markers", "vertices"):
            total = getattr(truth, name)[truth.known].sum(0, dtype=np.float64)
            if name in self.sums and self.sums[name].shape != total.shape:
                raise UserError(f"a mean pose cannot mix body models ({len(self.sums[name])} and {len(total)} {name}); take data of one")
            self.sums[name] = self.sums.get(name, 0.0) + total
        self.frames += int(truth.known.sum())

    def bodies(self, like: Bodies) -> Bodies:
        """This pose in every frame of `like`, seen as that is, and known everywhere. UserError where no frame was taken."""
        if not self.frames:
            raise UserError("no training frame has a known 3D body, so there is no mean pose; give a store with truth")
        still = {name: np.broadcast_to((total / self.frames).astype(np.float32), (len(like), *total.shape)) for name, total in self.sums.items()}
        return Bodies(**still, root_px=like.root_px, scale_m=like.scale_m, known=np.ones(len(like), bool))


@dataclass
class MeanPoses:
    """The mean pose over all frames and that of each nominal view."""

    overall: MeanPose = field(default_factory=MeanPose)
    by_view: dict[str, MeanPose] = field(default_factory=dict)

    def of_view(self, view: str) -> MeanPose:
        """The mean pose of a view; that over all where no training frame has this view."""
        found = self.by_view.get(view)
        return found if found is not None and found.frames else self.overall


def mean_poses(truths: Iterable[tuple[str, Bodies]]) -> MeanPoses:
    """Mean poses of (nominal view, true bodies) of the training sequences, one sequence in memory at a time."""
    found = MeanPoses()
    for view, truth in truths:
        found.overall.add(truth)
        found.by_view.setdefault(view, MeanPose()).add(truth)
    return found


def mean_pose(truths: Iterable[Bodies]) -> MeanPose:
    """The mean over all known frames of sequences, one in memory at a time."""
    return mean_poses(("all", truth) for truth in truths).overall


def sequence_errors(row: Mapping[str, Any], source: str, recovered: Bodies, truth: Bodies, mirrors: Mirrors) -> SequenceErrors:
    """The errors of one sequence; row: its row of the store's index. Errors as of `frame_errors`, and UserError where a body is not finite."""
    known = recovered.known & truth.known
    for what, bodies in (("recovered", recovered), ("true", truth)):
        if not all(np.isfinite(getattr(bodies, name)[known]).all() for name in ("joints", "markers", "vertices")):
            raise UserError(f"the {what} 3D body of {row['key']} is not finite; look at its input, or train again: it may have diverged")
    errors = frame_errors(recovered, truth, mirrors)
    frames = int(known.sum())
    return SequenceErrors(str(row["key"]), str(row["person"]), str(row["view"]), str(row["condition"]), source, errors, frames, len(truth) - frames)


def measure(
    sequences: Iterable[tuple[Mapping[str, Any], Bodies, Bodies]], mirrors: Mirrors, means: MeanPoses | None = None
) -> list[SequenceErrors]:
    """The errors of (index row, recovered, truth) of many sequences, one in memory at a time; with `means` also those of the mean poses.

    Mean poses are measured on the frames that the network recovered, so that all sources answer for the same ones.
    """
    found = []
    for row, recovered, truth in sequences:
        found.append(sequence_errors(row, NETWORK, recovered, truth, mirrors))
        if means is None or not found[-1].frames:
            continue
        for source, pose in ((MEAN_OF_VIEW, means.of_view(str(row["view"]))), (MEAN, means.overall)):
            still = pose.bodies(truth)
            same = Bodies(still.joints, still.markers, still.vertices, still.root_px, still.scale_m, recovered.known)
            found.append(sequence_errors(row, source, same, truth, mirrors))
    return found


def reconstruction_rows(
    errors: Sequence[SequenceErrors], *, weights_hash: str = "", data_hash: str = "", seed: int = 0
) -> list[ReconstructionRow]:
    """Rows of every source, metric and mirroring: over all, by view and by condition. seed: of the bootstrap over people."""
    rows = []
    for source in [name for name in SOURCES if any(one.source == name for one in errors)]:
        of_source = [one for one in errors if one.source == source]
        views, conditions = sorted({one.view for one in of_source}), sorted({one.condition for one in of_source})
        for view, condition in [("all", "all"), *((view, "all") for view in views), *(("all", condition) for condition in conditions)]:
            among = [one for one in of_source if view in ("all", one.view) and condition in ("all", one.condition)]
            about = {"source": source, "view": view, "condition": condition, "data_hash": data_hash, "seed": seed, "code_version": __version__}
            rows += _rows(among, {**about, "weights_hash": weights_hash if source == NETWORK else ""})
    return rows


def _rows(among: Sequence[SequenceErrors], about: Mapping[str, Any]) -> list[ReconstructionRow]:
    """The rows of some sequences of one source."""
    counted = [one for one in among if one.frames]
    pairs = [(metric, mirroring) for metric in METRICS for mirroring in MIRRORINGS if any((metric, mirroring) in one.errors for one in among)]
    if any(len(one.errors) != len(pairs) for one in among):
        raise ValueError("some sequences have errors of a mesh or of markers and some have none: measure all alike")
    people = [one.person for one in counted]
    # Sums and counts a sequence: the ratio of their means over any sample of people is the mean over the frames of that sample.
    sums = np.asarray([[one.errors[pair].sum() for pair in pairs] for one in counted]).reshape(len(counted), len(pairs))
    frames = np.asarray([[float(one.frames)] for one in counted]).reshape(len(counted), 1)
    several = len(set(people)) > 1
    drawn = bootstrap.people_draws(np.concatenate([sums, frames], axis=1), people, int(about["seed"])) if several else None
    made = []
    for number, (metric, mirroring) in enumerate(pairs):
        low, high = (math.nan, math.nan) if drawn is None else bootstrap.interval(drawn[:, number] / drawn[:, -1])
        value = float(sums[:, number].sum() / frames.sum()) if counted else math.nan
        made.append(ReconstructionRow(
            metric=metric, unit="mm", value=_known(value), low=_known(low), high=_known(high), mirroring=mirroring, frames=int(frames.sum()),
            frames_left_out=sum(one.frames_left_out for one in among), sequences=len(counted), people=len(set(people)), **about,
        ))
    return made


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def find_reconstruction(
    rows: Iterable[ReconstructionRow], metric: str, source: str = NETWORK, mirroring: str = "none", view: str = "all", condition: str = "all"
) -> ReconstructionRow | None:
    """The row of one number, or None: `find_reconstruction(rows, "MPJPE")`."""
    wanted = (metric, source, mirroring, view, condition)
    return next((row for row in rows if (row.metric, row.source, row.mirroring, row.view, row.condition) == wanted), None)


def write_reconstruction(rows: Sequence[ReconstructionRow], out: Path) -> None:
    """`reconstruction.json` and `reconstruction.csv` in the folder `out`, each whole or not at all."""
    write_row_files(rows, ReconstructionRow, out, "reconstruction")


def read_reconstruction(path: Path) -> list[ReconstructionRow]:
    """The rows of a `reconstruction.json`; UserError where it is missing, StoreError where it is something else."""
    return read_row_file(path, ReconstructionRow, "evaluate the run")
