"""Where mates stand, whichever way distances come: of embeddings, in blocks, or of a matrix that is there already (after re-ranking)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gaitbridge.evaluation.ranking.every_mate import Matching, all_mates
from gaitbridge.evaluation.ranking.mates import Ranking
from gaitbridge.evaluation.ranking.matrix import rank_gallery
from gaitbridge.evaluation.ranking.nearest_mate import nearest_mates
from gaitbridge.progress import Progress, silent

Bar = Callable[[slice], np.ndarray]  # of a block of probes, bool [n, M]: the pairs that are not compared
Bars = tuple[np.ndarray, np.ndarray] | None  # codes [N] and [M]: a pair of one code is not compared


class Places(Protocol):
    """Probes and gallery of one comparison."""

    def by_group(self, groups: np.ndarray, most: int) -> np.ndarray:
        """int [N, S]: the rank of the nearest mate in each group of the gallery; most + 1 beyond, 0 without a mate."""

    def over_all(self, bars: Sequence[Bar | None]) -> list[Ranking]:
        """The places of all mates, but of the pairs barred: a ranking for each of `bars`, in one pass."""


@dataclass(frozen=True)
class OfEmbeddings:
    """Places by distances of embeddings."""

    pair: Matching
    progress: Progress = silent

    def by_group(self, groups: np.ndarray, most: int) -> np.ndarray:
        """See Places."""
        return nearest_mates(self.pair, groups, most, self.progress)

    def over_all(self, bars: Sequence[Bar | None]) -> list[Ranking]:
        """See Places."""
        return all_mates(self.pair, bars, self.progress)


@dataclass(frozen=True)
class OfMatrix:
    """Places by a matrix [N, M] of distances; people: codes [N] and [M]."""

    distances: np.ndarray
    probe_people: np.ndarray
    gallery_people: np.ndarray

    def _ranked(self, columns: np.ndarray, barred: np.ndarray | None) -> Ranking:
        return rank_gallery(
            self.distances[:, columns], self.probe_people.astype(str).tolist(), self.gallery_people[columns].astype(str).tolist(), barred
        )

    def by_group(self, groups: np.ndarray, most: int) -> np.ndarray:
        """See Places."""
        firsts = [self._ranked(groups == group, None).first for group in range(int(groups.max(initial=-1)) + 1)]
        return np.minimum(np.stack(firsts, axis=1), most + 1) if firsts else np.zeros((len(self.distances), 0), int)

    def over_all(self, bars: Sequence[Bar | None]) -> list[Ranking]:
        """See Places."""
        everyone = np.ones(len(self.gallery_people), bool)
        return [self._ranked(everyone, None if bar is None else bar(slice(None))) for bar in bars]


def codes(probe: list[np.ndarray], gallery: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Numbers [N] and [M] of combinations of fields, the same for the same combination on both sides."""
    split = len(probe[0])
    numbers = np.zeros(split + len(gallery[0]), np.int64)
    for one, other in zip(probe, gallery, strict=True):
        kinds, number = np.unique(np.concatenate([one, other]), return_inverse=True)
        numbers = numbers * len(kinds) + number
    numbers = np.unique(numbers, return_inverse=True)[1]
    return numbers[:split], numbers[split:]
