"""What an index of N templates of simulated walks loses and costs, against the exact answers: from simulated walks to a million drawn like them.

    python benchmarks/gallery_walks.py EMBEDDINGS.npz --check                         # walks that were simulated, and as many that were drawn
    python benchmarks/gallery_walks.py EMBEDDINGS.npz --people 12500 [--out FILE]     # eight templates a person

EMBEDDINGS.npz: `gaitbridge embed cross-modal STORE EMBEDDINGS.npz --modality camera --split test` of a store with 8 takes in 8 views of each person.
Its parts are turned by their principal axes, of which 32 of 128 are kept (97 % of what walks differ in): distances of parts stay, and a million
templates are 2 GB. More people are drawn from a model of how far people, and the walks of one, are apart:

    walk(take, view) = mean(take, view) + sum over simulated people of weight * deviation(person, take, view)

The weights of one person are the same in all takes and views: 1 for somebody drawn at random, and normal steps from them towards their 12 nearest. So
people lie where simulated ones lie, near to each other and far as those are, and what a condition, a view and a part have in common stays. (A normal
distribution of the same covariances was tried first: it had no walks as near to a stranger's as a tenth of the simulated ones are.) Two numbers, the
length of a step and of what the takes of one person differ in, are fitted so that the nearest strangers and the nearest other takes of the same
person are, in the median, as far as simulated ones. `--check` prints how well their spread, the intrinsic dimension (Levina and Bickel's estimate, 20
neighbours) and the recall agree at the size where both exist. All people are synthetic.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy

import argparse
import json
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gaitbridge.gallery.asking import FIRST_PASS
from gaitbridge.gallery.index import lancedb
from gaitbridge.gallery.index._lance import schema_of
from gaitbridge.gallery.templates import NEVER_S, Where
from gaitbridge.machine import described

KEPT = 32  # channels of a part
NEIGHBOURS = 12  # simulated people of whom one that is drawn is a mixture, at most
QUERIES = 100
PEOPLE_AT_ONCE = 1250


@dataclass(frozen=True)
class Walks:
    """Walks of people, [people, takes, views, parts, channels]."""

    values: np.ndarray

    @property
    def flat(self) -> np.ndarray:
        """[N, parts * channels], a person after another."""
        return self.values.reshape(-1, self.values.shape[-2] * self.values.shape[-1])

    def person(self) -> np.ndarray:
        """The number of the person of each of N."""
        return np.repeat(np.arange(len(self.values)), self.values.shape[1] * self.values.shape[2])


def simulated(file: Path) -> Walks:
    """The walks of a file of embeddings, with the principal channels of each part."""
    with np.load(file) as found:
        values = np.ascontiguousarray(found["values"].transpose(0, 2, 1), np.float32)  # [N, K, C]
        order = np.lexsort((found["views"], found["takes"], found["people"]))
        sizes = [len(set(found[name].tolist())) for name in ("people", "takes", "views")]
    kept = np.empty((*values.shape[:2], KEPT), np.float32)
    for part in range(values.shape[1]):
        centred = values[:, part] - values[:, part].mean(0)
        kept[:, part] = values[:, part] @ np.linalg.eigh(centred.T @ centred)[1][:, : -KEPT - 1 : -1]
    return Walks(kept[order].reshape(*sizes, values.shape[1], KEPT))


class Model:
    """How far people and their walks are apart, after simulated ones; draws more of them."""

    def __init__(self, walks: Walks, between: float = 1.0, within: float = 1.0) -> None:
        values = walks.values.astype(np.float32)
        self.mean = values.mean(0)  # [T, V, K, C]
        apart = values - self.mean
        person = apart.mean(1, keepdims=True)
        self.apart = person + within * (apart - person)  # [P, T, V, K, C]
        flat = apart.reshape(len(apart), -1)
        self.near = np.argsort((flat**2).sum(1)[:, None] + (flat**2).sum(1) - 2 * flat @ flat.T, axis=1)[:, 1 : NEIGHBOURS + 1]  # [P, NEIGHBOURS]
        self.length = np.linalg.norm(values, axis=-1).mean(0)  # [T, V, K]
        self.between, self.within = between, within

    def draw(self, people: int, takes: Sequence[int], first: int = 0) -> Walks:
        """People, each with some takes; first: the number of the first one, who is always the same."""
        weights = np.empty((people, len(self.apart)), np.float32)
        for number in range(people):
            random = np.random.Generator(np.random.Philox(key=[1, first + number]))
            like, step = random.integers(len(self.apart)), random.standard_normal(NEIGHBOURS) / np.sqrt(NEIGHBOURS) * self.between
            weights[number] = 0
            weights[number, self.near[like]] = step
            weights[number, like] = 1 - step.sum()
        chosen = np.ascontiguousarray(self.apart[:, list(takes)])
        made = (weights @ chosen.reshape(len(chosen), -1)).reshape(people, *chosen.shape[1:]) + self.mean[list(takes)]
        made *= (self.length[list(takes)] / np.linalg.norm(made, axis=-1))[..., None]  # parts of a network like this are of unit length
        return Walks(made)


def spread(walks: Walks) -> dict[str, float]:
    """How far the nearest strangers and the nearest other takes of the same person are, in quantiles; the intrinsic dimension."""
    flat, person = walks.flat, walks.person()
    take = np.tile(np.repeat(np.arange(walks.values.shape[1]), walks.values.shape[2]), len(walks.values))
    chosen = np.random.default_rng(0).choice(len(flat), min(400, len(flat)), replace=False)
    squares = (flat**2).sum(1)
    distances = np.sqrt(np.maximum(squares[chosen, None] + squares - 2 * flat[chosen] @ flat.T, 0))
    same = person[chosen, None] == person
    strangers, own = np.where(same, np.inf, distances).min(1), np.where(same & (take[chosen, None] != take), distances, np.inf).min(1)
    near = np.sort(np.where(np.arange(len(flat)) == chosen[:, None], np.inf, distances), 1)[:, :20]
    dimension = 1 / np.mean(np.log(near[:, -1:] / near[:, :-1]).mean(1))
    said = {f"{name}_{q}": float(np.quantile(values, q / 100)) for name, values in (("stranger", strangers), ("own", own)) for q in (5, 50, 95)}
    return said | {"first_is_own": float((own < strangers).mean()), "intrinsic": float(dimension)}


def fitted(walks: Walks, rounds: int = 4) -> Model:
    """The model whose nearest strangers and nearest own walks are, in the median, as far as those of walks that were simulated."""
    wanted, between, within = spread(walks), 1.0, 1.0
    for _ in range(rounds):
        found = spread(Model(walks, between, within).draw(len(walks.values), range(walks.values.shape[1])))
        within *= wanted["own_50"] / found["own_50"]
        between *= wanted["stranger_50"] / found["stranger_50"]
    return Model(walks, between, within)


def part_distances(queries: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The gallery's own distance, the mean over parts of Euclidean ones: [Q, K * C] against [N, K * C] give [Q, N]."""
    found = np.zeros((len(queries), len(values)), np.float32)
    for start in range(0, queries.shape[1], KEPT):
        a, b = queries[:, start : start + KEPT], values[:, start : start + KEPT]
        found += np.sqrt(np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T, 0))
    return found / (queries.shape[1] // KEPT)


def table_of(values: np.ndarray, first: int) -> pa.Table:
    """Rows of a gallery's table. values: [N, D]; first: the number of the first row, eight a person."""
    numbers, count = range(first, first + len(values)), len(values)
    people = pa.array([f"p{number // 8:08d}" for number in numbers])
    named: dict[str, Any] = {"id": pa.array([f"{number:032x}" for number in numbers]), "person": people,
                             "sensor": pa.repeat("camera", count), "modality": pa.repeat("silhouettes", count), "recorded_s": pa.repeat(0.0, count),
                             "enrolled_s": pa.repeat(0.0, count), "expires_s": pa.repeat(NEVER_S, count),
                             "vector": pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])}
    schema = schema_of(values.shape[1])
    return pa.Table.from_arrays([named.get(name, pa.repeat("0123456789abcdef", count)) for name in schema.names], schema=schema)


def blocks(model: Model, people: int) -> Iterator[tuple[int, np.ndarray]]:
    """Templates of people, one take in eight views each: the number of the first, [N, D]."""
    for first in range(0, people, PEOPLE_AT_ONCE):
        yield first * 8, model.draw(min(PEOPLE_AT_ONCE, people - first), [0], first).flat


Answers = tuple[list[list[int]], list[float]]  # the first five people of each query, and seconds of the processor


def asked_by_index(index: Any, queries: np.ndarray, whose: Any) -> Answers:
    """What the index answers, each query by itself; whose: the people of rows."""
    answers, took = [], []
    for query in queries:
        begun = time.process_time()
        rows, vectors = index.nearest(query, FIRST_PASS, Where())
        distances = part_distances(query[None], vectors)[0]
        numbers = np.array([int(row.id, 16) for row in rows])[np.argsort(distances)]
        took.append(time.process_time() - begun)
        answers.append(list(dict.fromkeys(whose(numbers).tolist()))[:5])
    return answers, took


def fewer_cells(index: Any, queries: np.ndarray, whose: Any, truth: list[list[int]], share: float) -> dict[str, Any]:
    """Recall and time where another share of the cells is searched than the gallery's own."""
    built = index.about["index"]
    index.about["index"] = built | {"probes": max(1, round(built["cells"] * share))}
    try:
        return {"cells": index.about["index"]["probes"], **recalled(asked_by_index(index, queries, whose), truth)}
    finally:
        index.about["index"] = built


def recalled(asked: Answers, truth: list[list[int]]) -> dict[str, Any]:
    """How many of the exact answers' first and first five people the index found, and how long it took, median, 5 and 95 %."""
    answers, took = asked
    return {"recall_at_1": float(np.mean([a[0] == t[0] for a, t in zip(answers, truth, strict=True)])),
            "recall_at_5": float(np.mean([len(set(a) & set(t)) / len(t) for a, t in zip(answers, truth, strict=True)])),
            "index_query_ms": [float(np.quantile(took, q) * 1e3) for q in (0.5, 0.05, 0.95)]}


def measure(templates: Iterator[tuple[int, np.ndarray]], queries: np.ndarray, own: np.ndarray, folder: Path, persons: Any = None,
            shares: Sequence[float] = ()) -> dict[str, Any]:
    """Exact answers and those of the index; seconds are of the processor.

    own: whose each query is; persons: of templates, else eight a person; shares: of the cells that are searched, besides the gallery's own.
    """
    index: Any = None
    best_distance, best_row = np.empty((len(queries), 0), np.float32), np.empty((len(queries), 0), int)
    exact_s, written_s, count = 0.0, 0.0, 0
    for first, values in templates:
        begun = time.process_time()
        if index is None:
            about = {"dimension": values.shape[1], "weights_hash": "w", "shape": [KEPT, values.shape[1] // KEPT], "distance": "euclidean",
                     "modalities": ["silhouettes"]}
            index = lancedb.create(str(folder), about)
        index._table.add(table_of(values, first))
        count, written_s = first + len(values), written_s + time.process_time() - begun
        begun = time.process_time()
        found = part_distances(queries, values)
        near = np.argpartition(found, min(80, found.shape[1] - 1), axis=1)[:, :80]
        both = np.concatenate([best_distance, np.take_along_axis(found, near, 1)], 1), np.concatenate([best_row, first + near], 1)
        keep = np.argsort(both[0], axis=1)[:, :80]
        best_distance, best_row = (np.take_along_axis(one, keep, 1) for one in both)
        exact_s += time.process_time() - begun
    whose = (lambda rows: rows // 8) if persons is None else (lambda rows: persons[rows])
    truth = [list(dict.fromkeys(whose(rows).tolist()))[:5] for rows in best_row]
    begun, clock = time.process_time(), time.perf_counter()
    words = index.build()
    built_s, built_clock_s = time.process_time() - begun, time.perf_counter() - clock
    asked = asked_by_index(index, queries, whose)
    by_share = {f"{share:g}": fewer_cells(index, queries, whose, truth, share) for share in shares}
    return {"templates": count, "dimension": int(queries.shape[1]), "index": words,
            **recalled(asked, truth), "by_share_of_cells": by_share, "exact_query_ms": exact_s / len(queries) * 1e3,
            "right_first_exact": float(np.mean([t[0] == o for t, o in zip(truth, own, strict=True)])),
            "right_first_index": float(np.mean([a[0] == o for a, o in zip(asked[0], own, strict=True)])),
            "build_s": built_s, "build_clock_s": built_clock_s, "write_s": written_s,
            "bytes": sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
            "index_bytes": sum(file.stat().st_size for file in (folder / "templates.lance" / "_indices").rglob("*") if file.is_file()),
            "memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def check(walks: Walks, model: Model, folder: Path) -> list[dict[str, Any]]:
    """Simulated and drawn walks, as many of each: all takes but the last enrolled, the last asked with."""
    said = []
    for name, some in (("simulated", walks), ("drawn", model.draw(len(walks.values), range(walks.values.shape[1]), 10**9))):
        gallery, asked = Walks(some.values[:, :-1]), Walks(some.values[:, -1:])
        chosen = np.random.default_rng(1).choice(len(asked.flat), QUERIES, replace=False)
        found = measure(iter([(0, gallery.flat)]), asked.flat[chosen], asked.person()[chosen], folder / name, gallery.person())
        said.append({"walks": name, "between": model.between, "within": model.within, **spread(some), **found})
    return said


def main() -> None:
    """Measure, print, and append to a file of JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("embeddings", type=Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--people", type=int, default=1250)
    parser.add_argument("--shares", type=float, nargs="*", default=[], help="of the cells to be searched, besides the gallery's own share")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    walks = simulated(given.embeddings)
    model = fitted(walks)
    folder = Path(tempfile.mkdtemp(dir=given.folder))
    try:
        if given.check:
            lines = check(walks, model, folder)
        else:
            people = np.random.default_rng(2).integers(0, given.people, QUERIES)
            takes = range(1, len(model.mean))
            queries = np.stack([model.draw(1, [takes[number % len(takes)]], int(person)).flat[number % 8] for number, person in enumerate(people)])
            lines = [{"walks": "drawn", **measure(blocks(model, given.people), queries, people, folder / "gallery", shares=given.shares)}]
    finally:
        shutil.rmtree(folder)
    for line in lines:
        text = json.dumps({**line, "hardware": described()})
        print(text, flush=True)
        if given.out:
            with given.out.open("a", encoding="utf-8") as file:
                file.write(text + "\n")


if __name__ == "__main__":
    main()
