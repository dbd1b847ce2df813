"""Pass 2 of an evaluation: files of embeddings under a protocol to rows of results, by direction, mode of views and condition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gaitbridge import __version__
from gaitbridge.conventions import SENSOR
from gaitbridge.data.protocols import IN_PROBE_SET, Protocol, load_protocol
from gaitbridge.errors import UserError
from gaitbridge.evaluation.embedding.file import EmbeddingsFile, read_any
from gaitbridge.evaluation.embedding.labels import probe_set_of, with_labels
from gaitbridge.evaluation.results import DIRECTIONS, ResultRow, write_rows
from gaitbridge.evaluation.scoring.bootstrap import interval
from gaitbridge.evaluation.scoring.compared import Compared, Request, compared
from gaitbridge.evaluation.scoring.curves import DEPTH, cmc_curves
from gaitbridge.evaluation.scoring.examples import retrieval_examples
from gaitbridge.evaluation.scoring.measures import Measure, cells_of, measures, over_galleries
from gaitbridge.evaluation.scoring.open_set_rows import open_set_rows
from gaitbridge.files import write_json
from gaitbridge.store import Store


def write_evaluation(
    folder: Path, store: Store, protocol: Protocol | str, seed: int, out: Path, probe_set: Sequence[str] | None = None, open_set: bool = False
) -> list[ResultRow]:
    """Score a folder's files of embeddings and write results.json, results.csv, cmc.json and retrieval.json to the folder `out`; returns the rows.

    protocol: or its name; seed: of the bootstrap; probe_set: keys of the partition's probes, for protocols that take them from it, by default as the
    store was imported; open_set: also how often searches fail at stated rates of strangers named.
    Errors as `sides_of`.
    """
    sides = sides_of(folder, store, load_protocol(protocol) if isinstance(protocol, str) else protocol, probe_set)
    rows = rows_of(sides, seed, store.content_hash)
    if open_set:
        rows += open_set_rows(sides, seed, store.content_hash)
    write_rows(rows, out)
    write_json(cmc_curves(sides), out / "cmc.json")
    write_json(retrieval_examples(sides, seed), out / "retrieval.json")
    return rows


def sides_of(folder: Path, store: Store, protocol: Protocol, probe_set: Sequence[str] | None = None) -> list[Compared]:
    """What a folder's files of embeddings allow under a protocol: four directions with both sensors (two for a protocol across them), one with one.

    Where parts of the protocol have galleries of their own, one for each part and direction. UserError where there is no file, one was made from
    another store, or no direction is left.
    """
    files = files_of(folder, store, probe_set)
    if IN_PROBE_SET in protocol.fields and any("in_probe_set" not in file.labels for file in files.values()):
        raise UserError(f"protocol {protocol.name!r} takes its probes from the dataset's partition, which {store.path} was imported without: give "
                        "its JSON, which has PROBE_SET, with --partition")
    chosen = [pair for pair in DIRECTIONS if set(pair) <= set(files) and not (protocol.crossed and pair[0] == pair[1])]
    if not chosen:
        known = " and ".join(files)
        raise UserError(f"protocol {protocol.name!r} compares camera with LiDAR, but only {known} is embedded; choose a protocol of one sensor")
    found = []
    for probe, gallery in chosen:
        of_gallery = None if probe == gallery else files[gallery]
        request = Request(protocol, files[probe].distance, of_gallery, depth=DEPTH)
        directions, _ = compared(files[probe], request)
        found += [side for direction in directions for side in direction.sides]
    return found


def files_of(folder: Path, store: Store, probe_set: Sequence[str] | None = None) -> dict[str, EmbeddingsFile]:
    """A folder's files of embeddings by sensor, with what the store says of their sequences. UserError as `sides_of`."""
    paths = {modality: Path(folder) / f"{modality}.npz" for modality in SENSOR}
    found: dict[str, EmbeddingsFile] = {}
    for modality, path in paths.items():
        if not path.is_file():
            continue
        file = read_any(path)
        if (made_from := file.about.get("data_hash")) and made_from != store.content_hash:
            raise UserError(
                f"{path} was made from another store ({made_from[:8]}, not {store.content_hash[:8]}); give that store or embed this one"
            )
        found[SENSOR[modality]] = with_labels(file, store, probe_set_of(store) if probe_set is None else probe_set)
    if not found:
        raise UserError(f"{folder} holds neither {' nor '.join(path.name for path in paths.values())}; embed the store first")
    return found


def rows_of(sides: Sequence[Compared], seed: int, data_hash: str) -> list[ResultRow]:
    """Every number of every comparison, in every mode of views that means something, by condition; and of pairs of views.

    What is not defined at all (no probe of the mode has a mate) has no row, but for the protocol's own first number.
    """
    rows = []
    for one in sides:
        one.rank_all()
        for mode in one.protocol.modes:
            found = measures(one, mode)
            for condition, among in one.conditions.items():
                made = [_row(one, measure, among, condition, mode, seed, data_hash) for measure in found]
                first = mode == one.protocol.modes[0] and condition in one.protocol.heads
                rows += [row for number, row in enumerate(made) if row.value is not None or (first and number == 0)]
        rows += _cell_rows(one, seed, data_hash)
    directions = dict.fromkeys((one.probe_modality, one.gallery_modality) for one in sides)
    return rows + [row for pair in directions
                   for row in _rows_over_galleries([one for one in sides if (one.probe_modality, one.gallery_modality) == pair], seed, data_hash)]


def _rows_over_galleries(sides: Sequence[Compared], seed: int, data_hash: str) -> list[ResultRow]:
    """Means over the galleries of a direction's parts, where the protocol has such a mean."""
    rows = []
    for mode in sides[0].protocol.modes if sides[0].protocol.mean else ():
        for whole in over_galleries(sides, mode):
            value = whole.mean()
            if math.isnan(value) and mode != sides[0].protocol.modes[0]:
                continue
            low, high = whole.interval(seed)
            known = [measure.known(among) for measure, among, _ in whole.of]
            compared = [measure.compared[some].mean() for (measure, _, _), some in zip(whole.of, known, strict=True) if some.any()]
            probes = [np.asarray(side.probes["key"]) for side in sides]
            mated = np.unique(np.concatenate([keys[some] for keys, some in zip(probes, known, strict=True)]))
            one, people = sides[0], len(whole.people())
            single = people < 2
            rows.append(ResultRow(
                metric=whole.name, unit="%", value=_percent(value), low=None if single else _percent(low), high=None if single else _percent(high),
                chance=None if (chance := whole.by_chance()) is None else _percent(chance), probes=len(mated),
                probes_without_mate=len(np.unique(np.concatenate(probes))) - len(mated),
                gallery=sum(len(side.pair.gallery) for side in sides), people=people, compared=float(np.mean(compared)) if compared else 0.0,
                probe_modality=one.probe_modality, gallery_modality=one.gallery_modality, condition=one.protocol.mean, views=mode, probe_view=None,
                gallery_view=None, protocol=one.protocol.name, seed=seed, weights_hash=one.weights_hash, data_hash=data_hash,
                code_version=__version__,
            ))  # fmt: skip
    return rows


def _row(one: Compared, measure: Measure, among: np.ndarray, condition: str, mode: str, seed: int, data_hash: str) -> ResultRow:
    low, high = measure.interval(among, one.people, seed)
    return _made(one, measure, among, condition, mode, seed, data_hash, measure.mean(among), low, high, measure.by_chance(among))


def _cell_rows(one: Compared, seed: int, data_hash: str) -> list[ResultRow]:
    """Rank-1 of every pair of views (CCPG: of cameras), of the conditions that stand for all."""
    if (found := cells_of(one)) is None:
        return []
    names, measure = found
    sizes = (one.by_camera if one.protocol.cells_by else one.by_view).sizes
    rows = []
    for condition in one.protocol.heads:
        if condition not in one.conditions:
            continue  # of another gallery
        among = one.conditions[condition]
        cells, draws = measure.cells(among), measure.draws(among, one.people, seed)
        assert measure.chance is not None
        for p, probe_view in enumerate(names):
            here = among & (measure.lines == p)
            for g, gallery_view in enumerate(names):
                if not here.any() or not sizes[g]:
                    continue
                low, high = interval(draws[:, p, g])
                met = np.full(len(here), sizes[g])
                cell = Measure("rank-1", measure.values[:, [g]], np.zeros(len(here), int), 1, measure.chance[:, [g]], met)
                rows.append(_made(one, cell, here, condition, "all", seed, data_hash, float(cells[p, g]), low, high,
                                  cell.by_chance(here), probe_view, gallery_view, int(sizes[g])))
    return rows


def _made(
    one: Compared, measure: Measure, among: np.ndarray, condition: str, mode: str, seed: int, data_hash: str, value: float, low: float, high: float,
    chance: float | None, probe_view: str | None = None, gallery_view: str | None = None, size: int | None = None,
) -> ResultRow:
    counted = measure.known(among)
    people = len(set(np.asarray(one.people)[counted].tolist()))
    single = people < 2  # one person says nothing of how people differ
    return ResultRow(
        metric=measure.name, unit="%", value=_percent(value), low=None if single else _percent(low), high=None if single else _percent(high),
        chance=None if chance is None else _percent(chance), probes=int(counted.sum()), probes_without_mate=int((among & ~counted).sum()),
        gallery=len(one.pair.gallery) if size is None else size, people=people,
        compared=float(measure.compared[counted].mean()) if counted.any() else 0.0, probe_modality=one.probe_modality,
        gallery_modality=one.gallery_modality, condition=condition, views=mode, probe_view=probe_view, gallery_view=gallery_view,
        protocol=one.protocol.name, seed=seed, weights_hash=one.weights_hash, data_hash=data_hash, code_version=__version__,
    )  # fmt: skip


def _percent(share: float) -> float | None:
    return None if math.isnan(share) else 100.0 * float(share)
