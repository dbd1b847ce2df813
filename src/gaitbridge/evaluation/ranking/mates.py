"""Where the mates of probes stand, and what follows from it for each probe.

Legend: N probes, M gallery sequences. A *mate* of a probe is a gallery sequence of the same person that the protocol has not excluded. Ties are
broken against the probe: of two gallery sequences at the same distance the one that is no mate comes first, so no result depends on the order of
the gallery and a constant embedding scores nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True)
class Ranking:
    """Where each probe's mates stand in its ordered gallery; all arrays [N].

    compared: gallery sequences left after exclusion; mates: those of the same person; first and last: the ranks (from 1) of the nearest
    and of the farthest mate, 0 without a mate; average_precision: NaN without a mate.
    """

    compared: np.ndarray
    mates: np.ndarray
    first: np.ndarray
    last: np.ndarray
    average_precision: np.ndarray

    def of(self, among: np.ndarray) -> Ranking:
        """The ranking of some probes."""
        return Ranking(*(getattr(self, field.name)[among] for field in fields(self)))

    @property
    def has_mate(self) -> np.ndarray:
        """bool [N]: the probes that enter means; the others are counted and left out."""
        return self.mates > 0

    def within(self, rank: int) -> np.ndarray:
        """float64 [N]: 1 where a mate is among the `rank` nearest, else 0; NaN without a mate."""
        return np.where(self.has_mate, (self.first <= rank).astype(np.float64), np.nan)

    @property
    def inverse_negative_penalty(self) -> np.ndarray:
        """float64 [N]: mates divided by the rank of the hardest mate (Ye et al., AGW, TPAMI 2021, equation 3); NaN without a mate."""
        return np.where(self.has_mate, self.mates / np.maximum(self.last, 1), np.nan)

    def chance(self, rank: int = 1) -> np.ndarray:
        """float64 [N]: the exact probability of a mate among the `rank` first of a gallery in random order; NaN without a mate."""
        return chance_of(self.compared, self.mates, rank)


def chance_of(compared: np.ndarray, mates: np.ndarray, rank: int) -> np.ndarray:
    """float64 of any shape: the exact probability of one of `mates` among the `rank` first of `compared` in random order; NaN without a mate."""
    miss = np.ones(np.broadcast_shapes(np.shape(compared), np.shape(mates)))
    for drawn in range(rank):
        miss *= np.clip((compared - mates - drawn) / np.maximum(compared - drawn, 1), 0.0, 1.0)
    return np.where(mates > 0, 1.0 - miss, np.nan)
