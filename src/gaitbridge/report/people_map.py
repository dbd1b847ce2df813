"""A map of people: walks near each other on paper where their embeddings are near, by t-SNE (van der Maaten and Hinton 2008).

The distances are those that a gallery compares by, not those of flattened vectors. It begins with classical scaling of the same distances, so
that only which walks are drawn is left to chance, and that follows from the seed. Needs scikit-learn (the extra `maps`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gaitbridge.conventions import stream
from gaitbridge.errors import UserError
from gaitbridge.evaluation.embedding.file import EmbeddingsFile
from gaitbridge.evaluation.ranking.matrix import distance
from gaitbridge.types import Embeddings

MOST_POINTS, MOST_PEOPLE = 1000, 50  # a map is looked at: more are neither told apart nor quick
FEWEST = 8
STEPS = 500  # to 1000 nothing moves that one would see
PERPLEXITY = 30.0  # about as many neighbours each point looks to; fewer where there are few points


@dataclass(frozen=True)
class PeopleMap:
    """N points: places [N, 2] of no unit; sensors, people, conditions, views, keys [N] text.

    asked: how many sequences and people there were to draw from; nearest, on_map: the share of points whose nearest other point is of the same
    person, by the embeddings' own distance and on the map.
    """

    places: np.ndarray
    sensors: np.ndarray
    people: np.ndarray
    conditions: np.ndarray
    views: np.ndarray
    keys: np.ndarray
    asked: tuple[int, int]
    nearest: float
    on_map: float

    def __len__(self) -> int:
        return len(self.places)


def people_map(files: Sequence[EmbeddingsFile], seed: int = 0, most: int = MOST_POINTS, most_people: int = MOST_PEOPLE) -> PeopleMap:
    """The map of the sequences in files of one network's embeddings, one a modality; at most `most` points of `most_people` people.

    UserError where they are of several networks, fewer than FEWEST sequences, or scikit-learn is missing.
    """
    kinds = {(file.values.shape[1:], file.distance, file.about.get("weights_hash", "")) for file in files}
    if len(kinds) != 1:
        raise UserError(f"a map is of one network's embeddings, these are of {len(kinds)}: {', '.join(str(file.path) for file in files)}")
    rows = [_drawn(file, seed, most // len(files), most_people) for file in files]
    if (count := sum(map(len, rows))) < FEWEST:
        raise UserError(f"{', '.join(str(file.path) for file in files)}: {count} sequences are too few for a map; embed {FEWEST} or more")
    values = np.concatenate([np.asarray(file.values[some]) for file, some in zip(files, rows, strict=True)])
    embeddings = Embeddings(values, files[0].distance)
    apart = distance(embeddings, embeddings)
    apart = np.maximum((apart + apart.T) / 2, 0.0)
    np.fill_diagonal(apart, 0.0)
    places = _placed(apart)
    people, conditions, views, sensors, keys = (
        np.concatenate([np.asarray(column(file))[some] for file, some in zip(files, rows, strict=True)])
        for column in (lambda file: file.people, _conditions, lambda file: file.views, lambda file: file.modalities, lambda file: file.keys)
    )
    known = {(str(key), str(person)) for file in files for key, person in zip(file.keys, file.people, strict=True)}
    flat = np.linalg.norm(places[:, None] - places[None], axis=-1)
    return PeopleMap(places, sensors, people, conditions, views, keys, (sum(map(len, files)), len({person for _, person in known})),
                     _nearest_is_own(apart, people), _nearest_is_own(flat, people))


def _conditions(file: EmbeddingsFile) -> np.ndarray:
    """Of files of the field, which name no condition, the type of the walk."""
    return file.labels.get("conditions", file.types)


def _drawn(file: EmbeddingsFile, seed: int, most: int, most_people: int) -> np.ndarray:
    """Rows to draw, in order: people drawn first, then of each as many walks. By name, so that the same are drawn of every modality."""
    people = np.unique(file.people)
    if len(people) > most_people:
        people = np.sort(stream(seed, "map", "people").permutation(people)[:most_people])
    each = max(most // max(len(people), 1), 1)
    chosen = []
    for person in people[:most]:
        rows = np.flatnonzero(file.people == person)
        rows = rows[np.argsort(file.keys[rows], kind="stable")]
        chosen.append(stream(seed, "map", str(person)).permutation(rows)[:each])
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, int)


def _placed(apart: np.ndarray) -> np.ndarray:
    """float64 [N, 2] of distances [N, N]."""
    try:
        from sklearn.manifold import TSNE
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise UserError("a map needs scikit-learn: pip install 'gaitbridge[maps]'") from error
    begin = _scaled(apart)
    begin *= 1e-4 / max(float(begin[:, 0].std()), 1e-12)
    perplexity = min(PERPLEXITY, (len(apart) - 1) / 3)
    made = TSNE(perplexity=perplexity, metric="precomputed", init=begin.astype(np.float32), learning_rate="auto", max_iter=STEPS, random_state=0)
    with threadpool_limits(1):  # beside other work its threads wait for one another: two took eight times as long as one
        found: np.ndarray = made.fit_transform(apart).astype(float)
    return found - found.mean(0)


def _scaled(apart: np.ndarray) -> np.ndarray:
    """Classical scaling [N, 2]: the plane that keeps most of the squared distances; signs fixed, so that no library chooses them."""
    from scipy.linalg import eigh

    square = apart.astype(float) ** 2
    inner = -(square - square.mean(0) - square.mean(1)[:, None] + square.mean()) / 2
    sizes, vectors = eigh(inner, subset_by_index=(len(apart) - 2, len(apart) - 1))
    vectors = vectors[:, ::-1] * np.sqrt(np.maximum(sizes[::-1], 0.0))
    largest = np.abs(vectors).argmax(0)
    return np.asarray(vectors * np.where(vectors[largest, [0, 1]] < 0, -1.0, 1.0))


def _nearest_is_own(apart: np.ndarray, people: np.ndarray) -> float:
    others = apart + np.diag(np.full(len(apart), np.inf))
    return float((people[others.argmin(1)] == people).mean())
