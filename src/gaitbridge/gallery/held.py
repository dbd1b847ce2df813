"""The templates of a gallery kept in memory, for exact answers in one pass of matrix products.

A question's distance to every template is first bounded from both sides by the expanded square, one product a part and block; only the templates
that the bounds cannot exclude are compared exactly, from differences, as `answers.template_distances` does for all. So the answers are those of
the comparison with all, and the time is that of reading the vectors once.

Legend: N questions, M templates held, m templates of a block, K parts, C channels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gaitbridge.evaluation.ranking.distances import gamma
from gaitbridge.gallery.answers import Hit, hits, template_distances
from gaitbridge.gallery.cohort import Cohort
from gaitbridge.gallery.decision import Calibration
from gaitbridge.gallery.templates import Template, Where, vectors_of
from gaitbridge.machine import memory_bytes
from gaitbridge.types import Embeddings

MOST_BYTES = 4 << 30  # of vectors that are kept at most, and a quarter of the memory that this process may use
ROWS = 256  # bounded at a time: 4 MiB of vectors, their products stay in the processor's cache
QUESTIONS = 32  # at a time
GATHERED = 1024  # templates compared exactly at a time
SLACK = 1e-5  # of a distance: more than single precision loses between a distance taken from differences and the true one


def fits(count: int, dimension: int) -> bool:
    """Whether so many vectors may be kept in memory."""
    return 4 * count * dimension <= min(MOST_BYTES, memory_bytes() // 4)


@dataclass(frozen=True)
class Block:
    """Some templates with their vectors float32 [m, K * C] and squared lengths of parts [K, m]."""

    templates: list[Template]
    vectors: np.ndarray
    squares: np.ndarray


class Held:
    """All templates of one version of a gallery's table. `version` is the back end's; expired templates are held, and filtered by each question."""

    def __init__(self, version: Any, parts: int, found: Iterable[tuple[list[Template], np.ndarray]]) -> None:
        self.version, self.parts = version, parts
        self.blocks: list[Block] = []
        for templates, vectors in found:
            by_part = vectors.reshape(len(vectors), parts, -1)
            self.blocks.append(Block(templates, vectors, np.ascontiguousarray(np.einsum("mkc,mkc->mk", by_part, by_part).T)))
        self._describe()

    def plus(self, version: Any, templates: Sequence[Template], vectors: np.ndarray) -> Held:
        """The same, and templates added since; nothing is copied."""
        more = Held(version, self.parts, [(list(templates), np.asarray(vectors, np.float32))])
        more.blocks = [*self.blocks, *more.blocks]
        more._describe()
        return more

    def _describe(self) -> None:
        """What questions filter by, of all templates [M]; people as numbers."""
        self._away: dict[tuple[str, str], np.ndarray] = {}
        rows = self.templates = [one for block in self.blocks for one in block.templates]
        numbers: dict[str, int] = {}
        self.owner = np.asarray([numbers.setdefault(one.person, len(numbers)) for one in rows], np.intp)
        self.people = numbers
        self.sensor, self.site = (np.asarray([getattr(one, name) for one in rows], dtype=object) for name in ("sensor", "site"))
        self.recorded_s, self.expires_s = (np.asarray([getattr(one, name) for one in rows], float) for name in ("recorded_s", "expires_s"))

    def vectors(self, admitted: np.ndarray) -> list[np.ndarray]:
        """The vectors [m, K * C] of the templates admitted, bool [M], block by block; nothing is copied where a block is admitted whole."""
        ends = np.cumsum([len(block.vectors) for block in self.blocks])
        some = [admitted[end - len(block.vectors) : end] for block, end in zip(self.blocks, ends, strict=True)]
        return [block.vectors if own.all() else block.vectors[own] for block, own in zip(self.blocks, some, strict=True) if own.any()]

    def cohort_means(self, cohort: Cohort, probe: str) -> np.ndarray:
        """What every template is away from a cohort as the probe's sensor saw it, float64 [M]; computed once."""
        key = cohort.digest, probe
        if key not in self._away:
            self._away[key] = np.concatenate([cohort.means_of_vectors(block.vectors, probe) for block in self.blocks])
        return self._away[key]

    def admitted(self, where: Where) -> np.ndarray:
        """Which templates a question admits: bool [M]."""
        found = np.ones(len(self.templates), bool)
        if where.person:
            found &= self.owner == self.people.get(where.person, -1)
        for column, value in ((self.sensor, where.sensor), (self.site, where.site)):
            if value:
                found &= column == value
        if where.ids:
            found &= np.asarray([one.id in where.ids for one in self.templates], bool)
        if where.since_s is not None:
            found &= self.recorded_s >= where.since_s
        if where.until_s is not None:
            found &= self.recorded_s < where.until_s
        if where.alive_s is not None:
            found &= self.expires_s > where.alive_s
        return found

    def nearest(self, queries: Embeddings, admitted: np.ndarray, sensor: str, calibration: Calibration | None, top: int) -> list[list[Hit]]:
        """The `top` nearest people to each of N queries among the templates admitted, bool [M]; as `answers.hits` of all of them would say."""
        answers: list[list[Hit]] = []
        for start in range(0, len(queries), QUESTIONS):
            values = queries.values[start : start + QUESTIONS]
            some = Embeddings(values, queries.distance, queries.modality, queries.weights_hash)
            for number, (lower, upper) in enumerate(zip(*self._bounds(some, admitted), strict=True)):
                one = Embeddings(values[number : number + 1], queries.distance, queries.modality, queries.weights_hash)
                chosen = self._candidates(lower, upper, admitted, top)
                exact = [template_distances(one, self._vectors(chosen[at : at + GATHERED]))[0] for at in range(0, len(chosen), GATHERED)]
                answers.append(hits([self.templates[at] for at in chosen], np.concatenate(exact), sensor, calibration, top))
        return answers

    def _bounds(self, queries: Embeddings, admitted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """float32 [N, M], twice: what the distances are at least and at most; infinite where a template is not admitted.

        A product of C numbers in single precision is within gamma |x| |y|, a squared distance so taken within gamma (|x| + |y|)^2, which is at
        most 2 gamma (|x|^2 + |y|^2).
        """
        asked = vectors_of(queries).reshape(len(queries), self.parts, -1).transpose(1, 0, 2)  # [K, N, C]
        loss = 1.5 * gamma(asked.shape[2])
        squares = np.einsum("knc,knc->kn", asked, asked)[:, :, None]
        lower = np.full((len(queries), len(self.templates)), np.inf, np.float32)
        upper = lower.copy()
        begin = 0
        for block in self.blocks:
            for at in range(0, len(block.vectors), ROWS):
                rows = block.vectors[at : at + ROWS]
                here = slice(begin + at, begin + at + len(rows))
                if not admitted[here].any():
                    continue
                product = np.matmul(asked, rows.reshape(len(rows), self.parts, -1).transpose(1, 2, 0))  # [K, N, m]
                if queries.distance == "cosine":
                    value = 1.0 - product.mean(0)
                    lower[:, here], upper[:, here] = value - 2.0 * loss, value + 2.0 * loss
                    continue
                both = squares + block.squares[:, None, at : at + ROWS]
                with np.errstate(over="ignore", invalid="ignore"):  # numbers too large to be squared: nothing is known of them
                    product *= -2.0
                    product += both
                    both *= 2.0 * loss
                    lower[:, here] = np.sqrt(np.maximum(product - both, 0.0)).mean(0)
                    upper[:, here] = np.sqrt(np.maximum(product + both, 0.0)).mean(0)
            begin += len(block.vectors)
        unknown = ~np.isfinite(upper)
        lower[unknown], upper[unknown] = -np.inf, np.inf
        lower *= 1.0 - SLACK
        upper *= 1.0 + SLACK
        lower[:, ~admitted] = np.inf
        return lower, upper

    def _candidates(self, lower: np.ndarray, upper: np.ndarray, admitted: np.ndarray, top: int) -> np.ndarray:
        """Numbers of the templates that may be among the nearest of the `top` people of their sensor; [M] each.

        By sensor, since thresholds, and so the order across sensors, are a matter of each; within one the nearer comes first always. A person
        is at most as far as the least of their upper bounds; whoever is farther than the `top`-th such person for sure is out, and so is every
        template of a person that another of theirs beats for sure.
        """
        chosen = np.zeros(len(admitted), bool)
        for sensor in set(self.sensor[admitted]):
            own = np.flatnonzero(admitted & (self.sensor == sensor))
            best = np.full(len(self.people), np.inf, np.float32)
            np.minimum.at(best, self.owner[own], upper[own])
            limit = np.partition(best, top - 1)[top - 1] if top <= len(best) else np.inf
            chosen[own] = lower[own] <= np.minimum(limit, best[self.owner[own]])
        return np.flatnonzero(chosen)

    def _vectors(self, numbers: np.ndarray) -> np.ndarray:
        """float32 [n, K * C] of some templates, by their numbers in rising order."""
        ends = np.cumsum([len(block.vectors) for block in self.blocks])
        of = np.searchsorted(ends, numbers, side="right")
        return np.concatenate([self.blocks[which].vectors[numbers[of == which] - (ends[which] - len(self.blocks[which].vectors))]
                               for which in np.unique(of)])
