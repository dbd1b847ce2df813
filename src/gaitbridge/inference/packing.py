"""A trained run made into a model that comes along (`shipped`): its network's weights, rounded where that moves nothing, and where they come from."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from gaitbridge.conventions import SENSOR
from gaitbridge.data.batches import has_all
from gaitbridge.errors import UserError
from gaitbridge.evaluation.results import ResultRow
from gaitbridge.evaluation.row_files import read_row_file
from gaitbridge.files import made_whole, write_json
from gaitbridge.inference.flips import hash_of
from gaitbridge.inference.loading import load
from gaitbridge.inference.session import Model
from gaitbridge.inference.shipped import CARD, Card, Figure, Training
from gaitbridge.inference.stored import embed, shape_of
from gaitbridge.run_documents import pointed, read_config, read_provenance
from gaitbridge.simulation.benchmarks import BENCHMARKS
from gaitbridge.store import Store
from gaitbridge.training.checkpoint import read_part, weights_hash
from gaitbridge.training.config import to_use

NEAR_ENOUGH = 1e-3  # what rounding may change a coordinate of embeddings that have unit length in each part
COMPARED = 64  # sequences of each modality that the rounded weights are compared on
METRICS, CONDITIONS = ("rank-1", "rank-5", "mAP"), ("all", "normal")
LICENCE = "Apache-2.0"
KEPT = ("command", "code_version", "commit", "started", "data", "data_hash", "people", "bf16", "seconds", "hardware")  # of its provenance
WEIGHTS = "network.safetensors"


def evaluated(run: Path, which: str = "") -> tuple[str, Path, list[Figure]]:
    """The checkpoint to ship, as `load` names it, its folder, and every figure that the run's folder has of it.

    which: best, last or a step; by default the one that RUN/evaluation was made of. UserError where that is none of those the run kept.
    """
    known = {pointer.stem.removeprefix("at-"): pointed(run, pointer.stem) for pointer in sorted((run / "checkpoints").glob("*.json"))}
    if which and known.get(which) is None:
        raise UserError(f"{run} has no checkpoint {which}: it has {', '.join(known) or 'none'}")
    flips = to_use(read_config(run)).flips
    hashes = {name: hash_of(weights_hash(read_part(folder, "network")), flips) for name, folder in known.items() if folder and which in ("", name)}
    wanted = hashes.get(which) or _rows(run / "evaluation")[0].weights_hash
    chosen = next((name for name in ("best", "last", *hashes) if hashes.get(name) == wanted), None)
    if chosen is None:
        raise UserError(f"{run / 'evaluation'} is of weights {wanted}, of which the run has no checkpoint: evaluate one that it kept")
    figures = []
    for folder in sorted(run.glob("evaluation*")):
        if (folder / "results.json").is_file() and (rows := _rows(folder))[0].weights_hash == wanted:
            figures += _figures(rows, folder.name.removeprefix("evaluation").removeprefix("-"))
    place = known[chosen]
    assert place is not None  # or it had no hash
    return chosen, place, figures


def _rows(folder: Path) -> list[ResultRow]:
    rows = read_row_file(folder / "results.json", ResultRow, "evaluate the run")
    if not rows:
        raise UserError(f"{folder / 'results.json'} has no row: evaluate the run again")
    return rows


def _figures(rows: list[ResultRow], name: str) -> list[Figure]:
    """The rows that a card shows: the usual metrics over all and over normal walks, the gallery's sequences of the probe's own view left out."""
    title = next((one.title for one in BENCHMARKS.values() if rows[0].data_hash in one.hashes.values()), name or "its own test people")
    return [
        Figure(people_of=title, data_hash=row.data_hash, protocol=row.protocol, metric=row.metric, value=row.value, low=row.low, high=row.high,
               chance=row.chance, probe=row.probe_modality, gallery=row.gallery_modality, condition=row.condition, probes=row.probes,
               people=row.people)
        for row in rows
        if row.metric in METRICS and row.condition in CONDITIONS and row.views == "excluded" and row.probe_view is None and row.value is not None
    ]  # fmt: skip


def start(run: Path, which: str, made: Path, source: Store) -> tuple[Model, float | None]:
    """Write to `made` what a model needs to be loaded, half precision where that moves no embedding of `source` by more than NEAR_ENOUGH.

    Returns the model, and by how much it moved any; None where weights are kept as they were.
    """
    plain = load(run, which)
    weights = read_part(plain.folder, "network")
    place = made / "checkpoints" / plain.folder.name
    place.mkdir(parents=True)
    write_json({"folder": place.name}, made / "checkpoints" / "best.json")
    write_json(read_config(run), made / "config.json")
    facts: dict[str, Any] = dict(read_provenance(run))
    write_json({key: facts[key] for key in KEPT if key in facts}, made / "provenance.json")
    _save(rounded(weights), place / WEIGHTS)
    model = load(made)
    moved = difference(plain, model, source)
    if moved <= NEAR_ENOUGH:
        return model, moved
    _save(weights, place / WEIGHTS)
    return load(made), None


def rounded(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights in half precision; whole numbers stay."""
    return {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in weights.items()}


def _save(weights: dict[str, Tensor], file: Path) -> None:
    from safetensors.torch import save_file

    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, str(file))


def difference(one: Model, other: Model, source: Store) -> float:
    """The largest difference of a coordinate of two models' embeddings, parts of unit length, over some sequences of each modality of a store.

    Infinite where either is not finite. UserError where the store has nothing that they take.
    """
    found = []
    for modality in one.modalities:
        having = [number for number, row in enumerate(source.rows) if has_all(row, one.inputs[modality])]
        some = having[:: -(-len(having) // COMPARED) or 1]
        if some:
            before, after = (_unit(embed(model, source, some, modality).values) for model in (one, other))
            moved = np.abs(after - before)
            found.append(float(moved.max()) if np.isfinite(moved).all() else np.inf)
    if not found:
        raise UserError(f"{source.path} has nothing that {one.run} takes ({' or '.join(one.modalities)}): give another store")
    return max(found)


def _unit(values: np.ndarray) -> np.ndarray:
    unit: np.ndarray = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    return unit


def card(name: str, run: Path, folder: Path, model: Model, moved: float | None, calibrated: str, figures: list[Figure]) -> Card:
    """The card of a model that is otherwise whole. folder: of the checkpoint that it was made of."""
    facts: dict[str, Any] = dict(read_provenance(run))
    training = Training(
        recipe=model.recipe, command=str(facts.get("command", "")), commit=facts.get("commit"), data=str(facts.get("data") or ""),
        data_hash=str(facts.get("data_hash", "")), people=int(facts.get("people", 0)), seconds=float(facts.get("seconds", 0.0)),
        cpu=facts.get("hardware", {}).get("cpu"), checkpoint=folder.name, weights_hash=weights_hash(read_part(folder, "network")),
    )  # fmt: skip
    sensors = [SENSOR[modality] for modality in model.modalities]
    size = sum(file.stat().st_size for file in model.run.rglob("*") if file.is_file())
    return Card(name=name, licence=LICENCE, sensors=sensors, parameters=sum(one.numel() for one in model.network.parameters()),
                embedding=list(shape_of(model)), distance=model.distance, weights_hash=model.weights_hash, half_precision=moved, bytes=size,
                training=training, calibrated=calibrated, figures=figures)


def placed(made: Path, place: Path) -> None:
    """Put a whole model in the place of the one before it, if any."""
    if place.exists() and not (place / CARD).is_file():
        raise UserError(f"{place} is there and is no model that comes along: choose another name")
    shutil.rmtree(place, ignore_errors=True)
    with made_whole(place, CARD) as folder:
        shutil.copytree(made, folder, dirs_exist_ok=True)


def copied(folder: Path, out: Path) -> None:
    """A model that comes along as a run's folder of one's own, to evaluate, to train on from (`start_from`) or to calibrate anew."""
    with made_whole(out, "config.json") as made:
        shutil.copytree(folder, made, dirs_exist_ok=True)


