"""Questions about probes that are answered block by block, perhaps by other processes: what a score asks of distances, shared out.

A question's answer has a row for each probe, or is a count over all; a probe's row depends on the probe and the gallery alone. Blocks end where the
blocks of one process alone end, so that sums in double precision are the same to the bit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gaitbridge.evaluation.ranking.every_mate import Matching, all_mates
from gaitbridge.evaluation.ranking.mates import Ranking
from gaitbridge.evaluation.ranking.nearest_mate import nearest_mates
from gaitbridge.evaluation.ranking.places import Bar
from gaitbridge.progress import Progress, silent

DENSE_NUMBERS = 1 << 23  # distances that open-set search and verification look at together
LEAST_ROWS = 2048  # of a block, where the gallery is so large that fewer are looked at together

Rows = Callable[[slice], tuple[np.ndarray, ...]]


def rows_together(gallery: int) -> int:
    """How many probes are looked at together against a gallery of so many."""
    return max(1, DENSE_NUMBERS // max(gallery, 1))


def rows_of_block(gallery: int) -> int:
    """Probes of a block: as many as are looked at together, or a multiple."""
    return rows_together(gallery) * max(1, LEAST_ROWS // rows_together(gallery))


class Answers(Protocol):
    """Whoever answers questions about `size` probes in blocks of `block`."""

    def rows(self, question: str, size: int, block: int, compute: Rows) -> tuple[np.ndarray, ...]:
        """Arrays with a row for each probe; compute: those of some probes."""

    def counts(self, question: str, size: int, block: int, compute: Callable[[slice], np.ndarray]) -> np.ndarray:
        """Counts, summed over all probes."""


class AtOnce:
    """Answers all about all probes, now."""

    def rows(self, question: str, size: int, block: int, compute: Rows) -> tuple[np.ndarray, ...]:
        """See Answers."""
        return compute(slice(0, size))

    def counts(self, question: str, size: int, block: int, compute: Callable[[slice], np.ndarray]) -> np.ndarray:
        """See Answers."""
        return compute(slice(0, size))


@dataclass(frozen=True)
class InBlocks:
    """Places by distances of embeddings, by blocks. name: of the comparison, in questions."""

    pair: Matching
    answers: Answers
    name: str
    progress: Progress = silent

    def by_group(self, groups: np.ndarray, most: int) -> np.ndarray:
        """See places.Places."""
        digest = hashlib.blake2b(np.ascontiguousarray(groups, np.int64).tobytes(), digest_size=8).hexdigest()

        def compute(some: slice) -> tuple[np.ndarray, ...]:
            return (nearest_mates(self.pair.of(some), groups, most, self.progress),)

        return self.answers.rows(f"{self.name} groups {digest} {most}", len(self.pair.probes), rows_of_block(len(self.pair.gallery)), compute)[0]

    def over_all(self, bars: Sequence[Bar | None]) -> list[Ranking]:
        """See places.Places."""

        def compute(some: slice) -> tuple[np.ndarray, ...]:
            found = all_mates(self.pair.of(some), [None if bar is None else _Later(bar, some.start) for bar in bars], self.progress)
            return tuple(array for one in found for array in (one.compared, one.mates, one.first, one.last, one.average_precision))

        named = ", ".join("all" if bar is None else str(getattr(bar, "mode", "barred")) for bar in bars)
        found = self.answers.rows(f"{self.name} mates {named}", len(self.pair.probes), rows_of_block(len(self.pair.gallery)), compute)
        return [Ranking(*found[start : start + 5]) for start in range(0, len(found), 5)]


@dataclass(frozen=True)
class _Later:
    """A bar whose probes are counted from another one on."""

    bar: Bar
    first: int

    def __call__(self, some: slice) -> np.ndarray:
        return self.bar(slice(some.start + self.first, some.stop + self.first))
