"""The difference of two scores of the same probes: how sure it is over people, and whether chance would give as much."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gaitbridge.conventions import stream
from gaitbridge.evaluation.scoring.measures import Measure

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
    """Compare two scores of the same probes, whose mean is to be compared.

    a, b: [N], NaN where a probe has no say (it then leaves both sides); people: N identities; seed: of the draws, the same people on both sides.
    low, high and p are NaN with fewer than two people, everything is where no probe is left. ValueError where lengths differ.
    """
    if not len(a) == len(b) == len(people):
        raise ValueError(f"{len(a)} and {len(b)} scores of {len(people)} probes: they must be of the same probes")
    one = Measure("", a[:, None], np.zeros(len(a), int), 1, None, np.zeros(len(a), int))
    return measured_difference(one, replace(one, values=b[:, None]), np.ones(len(a), bool), people, seed)


def measured_difference(a: Measure, b: Measure, among: np.ndarray, people: Sequence[str], seed: int = 0) -> PairedDifference:
    """As `paired_difference`, of a protocol's number on the probes `among`: a and b have the same probes, lines and groups.

    The difference is linear in the probes' values, so that people can be drawn and their signs flipped whatever the number is a mean of.
    """
    known = ~(np.isnan(a.values) | np.isnan(b.values))
    sides = [replace(side, values=np.where(known, side.values, np.nan)) for side in (a, b)]
    difference = replace(a, values=np.where(known, b.values - a.values, np.nan))
    low, high = difference.interval(among, people, seed)
    counted = difference.known(among)
    owners = np.asarray(people, dtype=str)[counted].tolist()
    shares = np.nansum(difference.weights(among) * difference.values, axis=1)[counted]
    return PairedDifference(sides[0].mean(among), sides[1].mean(among), difference.mean(among), low, high, sign_flip_p(shares, owners, seed))


def sign_flip_p(difference: np.ndarray, people: Sequence[str], seed: int = 0, flips: int = FLIPS) -> float:
    """The two-sided p-value of the sum of `difference` [N] under sign flips of PEOPLE: were the sides alike, a gain were as likely a loss.

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
