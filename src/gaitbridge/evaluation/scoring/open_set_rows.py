"""Open-set identification as rows of results: what `score --open-set` gives, by direction, and by part where parts have galleries of their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gaitbridge import __version__
from gaitbridge.evaluation.results import OPEN_SET, ResultRow
from gaitbridge.evaluation.scoring.compared import Compared
from gaitbridge.evaluation.scoring.further import open_set_of
from gaitbridge.evaluation.scoring.open_set import RATES, number_name


def metric_of(rate: float) -> str:
    """What the number of a rate is called in a row, such as `FNIR at FPIR 1 %`."""
    return f"{OPEN_SET} {100 * rate:g} %"


def open_set_rows(sides: Sequence[Compared], seed: int, data_hash: str) -> list[ResultRow]:
    """A row for each comparison and rate, over all probes, under what the protocol leaves out; without a value where too few searches can tell."""
    return [row for one in sides for row in _rows(one, seed, data_hash)]


def _rows(one: Compared, seed: int, data_hash: str) -> list[ResultRow]:
    found = open_set_of(one, seed)
    rows = []
    for rate in RATES:
        low, high = found["intervals"][number_name(rate)] or (None, None)
        rows.append(ResultRow(
            metric=metric_of(rate), unit="%", value=found[number_name(rate)], low=low, high=high, chance=None, probes=found["known_searches"],
            probes_without_mate=len(one.people) - found["known_searches"], gallery=len(one.pair.gallery), compared=_compared(one),
            people=found["people"], probe_modality=one.probe_modality, gallery_modality=one.gallery_modality, condition=one.own or "all",
            views="excluded", probe_view=None, gallery_view=None, protocol=one.protocol.name, seed=seed, weights_hash=one.weights_hash,
            data_hash=data_hash, code_version=__version__, stranger_searches=found["stranger_searches"], enrolled=found["enrolled"],
        ))  # fmt: skip
    return rows


def _compared(one: Compared) -> float:
    """How many gallery sequences a probe meets on average, without those that the protocol leaves out for it."""
    size = len(one.pair.gallery)
    if one.barred is None:
        return float(size)
    codes, counts = np.unique(one.barred[1], return_counts=True)
    left_out = dict(zip(codes.tolist(), counts.tolist(), strict=True))
    return float(np.mean([size - left_out.get(code, 0) for code in one.barred[0].tolist()]))
