"""Cumulative match curves: rank-k as the protocol averages it, at ranks 1 to 20."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from gaitbridge.evaluation.scoring.compared import Compared
from gaitbridge.evaluation.scoring.measures import Measure, pooled, rank_by_pairs, rank_by_probe_view

DEPTH = 20


def cmc_curves(sides: Sequence[Compared]) -> dict[str, Any]:
    """In % by direction, mode of views and the conditions that stand for all.

    Returns {"ranks", "unit", "curves": [{directions, views, condition, values, chance}]}.
    """
    curves = []
    ranks = range(1, DEPTH + 1)
    for one in sides:
        heads = [condition for condition in one.protocol.heads if condition in one.conditions]  # others are of another gallery
        for mode in one.protocol.modes if heads else ():
            found = [_at(one, rank, mode) for rank in ranks]
            for condition in heads:
                among = one.conditions[condition]
                about = {"probe_modality": one.probe_modality, "gallery_modality": one.gallery_modality, "views": mode, "condition": condition}
                values, chance = ([_percent(share) for share in shares] for shares in
                                  ([measure.mean(among) for measure in found], [measure.by_chance(among) for measure in found]))  # fmt: skip
                curves.append({**about, "values": values, "chance": chance})
    return {"ranks": list(ranks), "unit": "%", "curves": curves}


def _at(one: Compared, rank: int, mode: str) -> Measure:
    if one.protocol.layout == "view pairs":
        return rank_by_pairs(one, rank, mode)
    if one.protocol.layout == "probe views":
        return rank_by_probe_view(one, rank, mode)
    return pooled(one.ranking(mode), (rank,), ())[0]


def _percent(share: float | None) -> float | None:
    return None if share is None or math.isnan(share) else 100.0 * share
