"""Pass 2 of an evaluation: distances under a protocol to rows of results, by direction, mode of views and condition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge import __version__
from gaitbridge.data.protocols import Protocol
from gaitbridge.evaluation.ranking import metrics
from gaitbridge.evaluation.results import VIEW_MODES, ResultRow, write_rows
from gaitbridge.evaluation.scoring.compare import Comparison, IndexRows, Source, compare, comparisons
from gaitbridge.evaluation.scoring.retrieval import retrieval_examples
from gaitbridge.files import write_json
from gaitbridge.store import Store
from gaitbridge.types import Embeddings

CURVE_RANKS = tuple(range(1, 21))


def score(
    probe: Embeddings,
    gallery: Embeddings,
    rows: IndexRows,
    protocol: Protocol,
    *,
    views: str = "excluded",
    seed: int = 0,
    data_hash: str = "",
) -> list[ResultRow]:
    """All numbers of one direction in one mode: by condition and over all, and with `views="all"` the view-pair cells too.

    probe, gallery: embeddings with keys, of one network; rows: `store.rows`; views: excluded (identical views left out), identical or
    all; seed: of the bootstrap. UserError as in `compare`.
    """
    return score_comparison(compare(probe, gallery, rows, protocol), views=views, seed=seed, data_hash=data_hash)


def score_comparison(comparison: Comparison, *, views: str, seed: int, data_hash: str = "") -> list[ResultRow]:
    """As `score`, of two sides that were put together before."""
    ranking, cells = comparison.rank(views), comparison.by_view
    rows: list[ResultRow] = []
    everyone = {} if comparison.own else {"all": np.ones(len(comparison.probes), bool)}
    for condition, among in (everyone | comparison.parts).items():
        writer = _Writer(comparison, ranking, among, condition, views, seed, data_hash)
        rows += writer.retrieval()
        rows += writer.view_pairs(cells, give_cells=views == "all" and condition in ("all", comparison.own))
    return rows


@dataclass(frozen=True)
class _Writer:
    """Makes the rows of some probes (`among`, bool [N]) of one comparison in one mode."""

    comparison: Comparison
    ranking: metrics.Ranking
    among: np.ndarray
    condition: str
    views: str
    seed: int
    data_hash: str

    def retrieval(self) -> list[ResultRow]:
        """rank-k, mAP and mINP."""
        ranking, rows = self.ranking, []
        for rank in self.comparison.protocol.ranks:
            rows.append(self._mean(f"rank-{rank}", ranking.within(rank), ranking.chance(rank)))
        rows.append(self._mean("mAP", ranking.average_precision, None))
        rows.append(self._mean("mINP", ranking.inverse_negative_penalty, None))
        return rows

    def _mean(self, metric: str, values: np.ndarray, chance: np.ndarray | None) -> ResultRow:
        people = self.comparison.field("probes", "person")[self.among].tolist()
        low, high = metrics.people_interval(values[self.among], people, self.seed)
        level = None if chance is None else metrics.mean_known(chance[self.among])
        return self._row(metric, metrics.mean_known(values[self.among]), low, high, level, self.ranking, self.among)

    def view_pairs(self, by_gallery_view: dict[str, metrics.Ranking], give_cells: bool) -> list[ResultRow]:
        """The mean over the cells (probe view, gallery view) that the mode admits, as SUSTech1K is scored, and the cells themselves."""
        probe_views = self.comparison.field("probes", "view")
        hits = {view: np.where(self.among, ranking.within(1), np.nan) for view, ranking in by_gallery_view.items()}
        pairs = [
            (p, g) for p in sorted(set(probe_views)) for g in sorted(hits) if self.views == "all" or (p == g) == (self.views == "identical")
        ]
        if not pairs:
            return []
        table = np.stack([np.where(probe_views == p, hits[g], np.nan) for p, g in pairs], axis=1)
        draws = metrics.people_draws(table, self.comparison.field("probes", "person").tolist(), self.seed)
        values = np.asarray([metrics.mean_known(column) for column in table.T])
        chance = [metrics.mean_known(np.where(self.among & (probe_views == p), by_gallery_view[g].chance(1), np.nan)) for p, g in pairs]

        low, high = metrics.interval(cell_mean(draws, pairs))
        expected = cell_mean(np.asarray([chance]), pairs)[0]
        rows = [self._row("rank-1 cell mean", cell_mean(values[None, :], pairs)[0], low, high, expected, self.ranking, self.among)]
        for number, (p, g) in enumerate(pairs if give_cells else []):
            low, high = metrics.interval(draws[:, number])
            rows.append(
                self._row("rank-1", values[number], low, high, chance[number], by_gallery_view[g], self.among & (probe_views == p), p, g)
            )
        return rows

    def _row(
        self,
        metric: str,
        value: float,
        low: float,
        high: float,
        chance: float | None,
        ranking: metrics.Ranking,
        among: np.ndarray,
        probe_view: str | None = None,
        gallery_view: str | None = None,
    ) -> ResultRow:
        counted = among & ranking.has_mate
        people = len(set(self.comparison.field("probes", "person")[counted]))
        gallery = self.comparison.gallery
        single = people < 2  # one person says nothing of how people differ
        return ResultRow(
            metric=metric,
            unit="%",
            value=_percent(value),
            low=None if single else _percent(low),
            high=None if single else _percent(high),
            chance=None if chance is None else _percent(chance),
            probes=int(counted.sum()),
            probes_without_mate=int((among & ~ranking.has_mate).sum()),
            gallery=len(gallery) if gallery_view is None else sum(row["view"] == gallery_view for row in gallery),
            compared=float(ranking.compared[counted].mean()) if counted.any() else 0.0,
            people=people,
            probe_modality=self.comparison.probe_modality,
            gallery_modality=self.comparison.gallery_modality,
            condition=self.condition,
            views=self.views,
            probe_view=probe_view,
            gallery_view=gallery_view,
            protocol=self.comparison.protocol.name,
            seed=self.seed,
            weights_hash=self.comparison.weights_hash,
            data_hash=self.data_hash,
            code_version=__version__,
        )


def _percent(share: float) -> float | None:
    return None if math.isnan(share) else 100.0 * float(share)


def cell_mean(cells: np.ndarray, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """Mean over gallery views, then over probe views, of cells [R, Q] that belong to `pairs` (probe view, gallery view).

    Empty cells (NaN) are skipped, and a probe view without any; returns float64 [R]. The order of the two means matters only where cells
    are missing.
    """
    by_probe_view = [cells[:, [number for number, pair in enumerate(pairs) if pair[0] == view]] for view in sorted({p for p, _ in pairs})]
    return _mean_of_known(np.stack([_mean_of_known(part) for part in by_probe_view], axis=1))


def _mean_of_known(values: np.ndarray) -> np.ndarray:
    """Mean along the last axis of what is not NaN; NaN where all is."""
    known = ~np.isnan(values)
    count = known.sum(-1)
    return np.where(count > 0, np.where(known, values, 0.0).sum(-1) / np.maximum(count, 1), np.nan)


def evaluate_embeddings(source: Source, store: Store, protocol: Protocol | str = "simulated", seed: int = 0) -> list[ResultRow]:
    """Every direction, mode and condition: source is a folder of embedding files or (camera, LiDAR) embeddings. Errors as in its parts."""
    return evaluate_comparisons(comparisons(source, store, protocol), seed, store.content_hash)


def evaluate_comparisons(directions: Sequence[Comparison], seed: int, data_hash: str) -> list[ResultRow]:
    """As `evaluate_embeddings`, of distances computed before."""
    return [row for one in directions for views in VIEW_MODES for row in score_comparison(one, views=views, seed=seed, data_hash=data_hash)]


def cmc_curves(directions: Sequence[Comparison]) -> dict[str, Any]:
    """Cumulative match curves in % at ranks 1 to 20 over all conditions: {"ranks", "curves": [{directions, views, values, chance}]}."""
    curves = []
    for one in directions:
        for views in VIEW_MODES:
            ranking = one.rank(views)
            values = [_percent(float(share)) for share in metrics.cumulative_match(ranking, CURVE_RANKS)]
            chance = [_percent(metrics.mean_known(ranking.chance(rank))) for rank in CURVE_RANKS]
            condition = one.own or "all"
            about = {"probe_modality": one.probe_modality, "gallery_modality": one.gallery_modality, "views": views, "condition": condition}
            curves.append({**about, "values": values, "chance": chance})
    return {"ranks": list(CURVE_RANKS), "unit": "%", "curves": curves}


def write_evaluation(source: Source, store: Store, protocol: Protocol | str, seed: int, out: Path) -> list[ResultRow]:
    """Evaluate and write results.json, results.csv, cmc.json and retrieval.json to the folder `out`; returns the rows."""
    directions = comparisons(source, store, protocol)
    rows = evaluate_comparisons(directions, seed, store.content_hash)
    write_rows(rows, out)
    write_json(cmc_curves(directions), out / "cmc.json")
    write_json(retrieval_examples(directions, seed), out / "retrieval.json")
    return rows
