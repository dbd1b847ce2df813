"""How sure a mean is: bootstrap over PEOPLE, since sequences of one person are no independent evidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gaitbridge.conventions import stream

DRAWS = 1000
LEVEL = 0.95


def mean_known(values: np.ndarray) -> float:
    """The mean of what is not NaN, and NaN where all is (probes without a mate leave the mean)."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def people_draws(values: np.ndarray, people: Sequence[str], seed: int, draws: int = DRAWS) -> np.ndarray:
    """Means of `values` over bootstrap samples of PEOPLE: sequences of one person are no independent evidence.

    values: [N, Q], NaN where a probe has no say; people: N identities. Each draw takes as many people as there are, with replacement,
    with all of their probes. Returns [draws, Q], NaN where no drawn person has a value. The draw depends on the seed and on how many
    people there are, not on the values, so metrics of the same probes are drawn alike and can be subtracted.
    """
    names, owner = np.unique(np.asarray(people, dtype=str), return_inverse=True)
    known = ~np.isnan(values)
    sums, counts = np.zeros((len(names), values.shape[1])), np.zeros((len(names), values.shape[1]))
    np.add.at(sums, owner, np.where(known, values, 0.0))
    np.add.at(counts, owner, known)
    times = people_times(len(names), seed, draws)
    total, weight = times @ sums, times @ counts
    return np.where(weight > 0, total / np.maximum(weight, 1.0), np.nan)


def people_times(people: int, seed: int, draws: int = DRAWS) -> np.ndarray:
    """float64 [draws, people]: how often each draw takes each person."""
    evenly = np.full(people, 1.0 / max(people, 1))
    return stream(seed, "bootstrap over people").multinomial(people, evenly, size=draws).astype(np.float64)


def interval(draws: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """The central `level` of bootstrap draws [draws] as (low, high); NaN, NaN where nothing is known."""
    known = draws[~np.isnan(draws)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def people_interval(values: np.ndarray, people: Sequence[str], seed: int, draws: int = DRAWS) -> tuple[float, float]:
    """The 95 % bootstrap interval over people of the mean of `values` [N] (NaN left out); NaN, NaN with fewer than two people."""
    known = ~np.isnan(values)
    owners = np.asarray(people, dtype=str)[known]
    if len(np.unique(owners)) < 2:
        return float("nan"), float("nan")
    return interval(people_draws(values[known][:, None], owners.tolist(), seed, draws)[:, 0])
