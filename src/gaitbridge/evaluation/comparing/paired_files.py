"""Two files of embeddings (or two groups of them) compared on the same probes under a protocol."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from gaitbridge.data.protocols import Protocol
from gaitbridge.data.protocols.partition import ProbeSet
from gaitbridge.errors import UserError
from gaitbridge.evaluation.comparing.paired import METRICS, Direction, PairedRow, Scores, compare_scores
from gaitbridge.evaluation.embedding.file import read_any
from gaitbridge.evaluation.scoring.score_file import Request, Scored, score_file
from gaitbridge.progress import Progress, silent


def compare_files(
    files_a: Sequence[Path], files_b: Sequence[Path], protocol: Protocol, *, distance: Literal["euclidean", "cosine"] | None = None,
    partition: ProbeSet | None = None, seed: int = 0, progress: Progress = silent,
) -> list[PairedRow]:
    """Rows of every direction and part, in the mode of views of the protocol.

    By view pairs a probe's rank-1 is its mean over the gallery's other views. UserError where files cannot be scored, or compare other walks.
    """
    if not files_a or not files_b:
        raise UserError("two sides are compared: give one file or more for each")
    sides: list[list[tuple[Path, dict[Direction, Scores]]]] = [[], []]
    for side, paths in zip(sides, (files_a, files_b), strict=True):
        for path in paths:
            side.append((path, _scores(path, protocol, distance, partition)))
            progress(sum(map(len, sides)), len(files_a) + len(files_b), str(path))
    return compare_scores(sides[0], sides[1], ("excluded",), protocol, seed, "")


def _scores(path: Path, protocol: Protocol, distance: Literal["euclidean", "cosine"] | None, partition: ProbeSet | None) -> dict[Direction, Scores]:
    file = read_any(path)
    meant: Literal["euclidean", "cosine"] = "cosine" if file.about.get("distance") == "cosine" else "euclidean"
    directions, _ = score_file(file, Request(protocol, distance or meant, partition=partition))
    name = str(file.about.get("weights_hash") or hashlib.blake2b(str(path).encode(), digest_size=4).hexdigest())
    return {
        (one.probe_modality, one.gallery_modality, side.protocol.parts[0].name if protocol.own_galleries else ""): _of_side(side, protocol, name)
        for one in directions
        for side in one.sides
    }


def _of_side(side: Scored, protocol: Protocol, name: str) -> Scores:
    if side.ranking is not None:
        known = {"rank-1": side.ranking.within(1), "mAP": side.ranking.average_precision, "mINP": side.ranking.inverse_negative_penalty}
        metrics = tuple(metric for metric in METRICS if metric == "rank-1" or metric in protocol.precision)
        table = np.stack([known[metric] for metric in metrics], axis=1)
    else:
        assert side.first is not None
        others = (np.arange(side.first.shape[1])[None, :] != side.views[0][:, None]) & (side.first > 0)
        hits, count = ((side.first == 1) & others).sum(1), others.sum(1)
        metrics, table = ("rank-1",), np.where(count > 0, hits / np.maximum(count, 1), np.nan)[:, None]
    everyone = {} if protocol.own_galleries or len(side.parts) == 1 else {"all": np.ones(len(table), bool)}
    keys = [columns["key"].tolist() for columns in (side.probe_columns, side.gallery_columns)]
    return Scores({"excluded": table}, keys[0], keys[1], side.probe_columns["person"], everyone | side.parts, name, metrics)
