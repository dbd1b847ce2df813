"""3D bodies of stored sequences: recovered by a run, beside the truth where the store has it; and how wrong they are."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge import plugins
from gaitbridge.conventions import CAMERA
from gaitbridge.errors import UserError
from gaitbridge.evaluation.bodies.errors import Mirrors
from gaitbridge.evaluation.bodies.reconstruction import ReconstructionRow, mean_poses, measure, reconstruction_rows
from gaitbridge.evaluation.bodies.walk_file import Walk
from gaitbridge.evaluation.embedding.cost import costs
from gaitbridge.inference.session import Model
from gaitbridge.progress import Progress, silent
from gaitbridge.simulation.body._read_out import ReadOut
from gaitbridge.simulation.truth import FIELDS, bodies_of
from gaitbridge.store import Store
from gaitbridge.training.config import METHODS
from gaitbridge.types import Bodies

AT_ONCE = 16  # sequences
TIMES = f"{CAMERA}_time_s"
MOST_FOR_MEAN = 480  # training sequences that a mean pose is made of


def has_truth(store: Store, number: int) -> bool:
    """Whether a sequence has all that its true bodies are made from."""
    return set(FIELDS) <= set(store.rows[number]["fields"])


def true_bodies(store: Store, numbers: Sequence[int]) -> Iterator[tuple[int, Bodies]]:
    """(number, true bodies) of each sequence that has truth."""
    for number in numbers:
        if has_truth(store, number):
            row, arrays = store.rows[number], store.read(number, FIELDS).arrays
            yield number, bodies_of(arrays, row["source"], (row["height"], row["width"]))


def recovered_bodies(model: Model, store: Store, numbers: Sequence[int], mesh: str = "", heatmaps: bool = False) -> Iterator[tuple[int, Bodies]]:
    """(number, recovered bodies) of each sequence. UserError where a sequence has no silhouettes."""
    for start in range(0, len(numbers), AT_ONCE):
        some = list(numbers[start : start + AT_ONCE])
        arrays, rates = [], []
        for number, sequence in zip(some, store.read_many(some, [CAMERA, TIMES]), strict=True):
            if not len(sequence.arrays.get(CAMERA, ())):
                raise UserError(f"{store.path}: {store.rows[number]['key']} has no silhouettes to reconstruct from; choose another sequence")
            arrays.append(sequence.arrays[CAMERA])
            rates.append(rate_hz(sequence.arrays.get(TIMES, np.empty(0))))
        yield from zip(some, model.reconstruct(arrays, mesh=mesh, heatmaps=heatmaps, rates_hz=rates), strict=True)


def rate_hz(time_s: np.ndarray, otherwise: float = 10.0) -> float:
    """Frames a second of a sequence, by the median time between two of them; `otherwise` where its times tell none."""
    between = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
    return 1.0 / between if np.isfinite(between) and between > 0 else otherwise


def mirrors_of(read_out: ReadOut) -> Mirrors:
    """What lies on the other side of the body."""
    return Mirrors(read_out.mirror_joints, read_out.mirror_markers, read_out.mirror_vertices)


def measure_bodies(model: Model, store: Store, numbers: Sequence[int], seed: int = 0, progress: Progress = silent) -> list[ReconstructionRow]:
    """Rows of the errors on the sequences `numbers` that have truth and silhouettes, beside the training people's mean poses; none where none has.

    Of a network that was taught joints alone the errors are of joints alone: its markers' volumes were never trained.
    """
    chosen = [number for number in numbers if has_truth(store, number) and store.rows[number][f"{CAMERA}_frames"]]
    if not chosen:
        return []
    trained = [number for number in store.select(split="train") if has_truth(store, number)]
    sample = trained[:: max(1, len(trained) // MOST_FOR_MEAN)]
    done, both = 0, len(chosen) + len(sample)

    def learnt(pairs: Iterator[tuple[int, Bodies]]) -> Iterator[tuple[int, Bodies]]:
        return ((number, bodies if model.recovers_mesh else bodies.joints_alone()) for number, bodies in pairs)

    def counted(pairs: Iterator[tuple[int, Bodies]]) -> Iterator[tuple[int, Bodies]]:
        nonlocal done
        for pair in learnt(pairs):
            done += 1
            progress(done, both, "")
            yield pair

    means = mean_poses((store.rows[number]["view"], truth) for number, truth in counted(true_bodies(store, sample))) if sample else None
    recovered, truths = counted(recovered_bodies(model, store, chosen)), learnt(true_bodies(store, chosen))
    triples = ((store.rows[number], own, truth) for (number, own), (_, truth) in zip(recovered, truths, strict=True))
    errors = measure(triples, mirrors_of(model.read_out), means)
    return reconstruction_rows(errors, weights_hash=model.weights_hash, data_hash=store.content_hash, seed=seed)


def walk_of(model: Model, store: Store, number: int, mesh: str = "", heatmaps: bool = True) -> Walk:
    """One sequence's bodies, recovered and, where the store has it, true."""
    row = store.rows[number]
    bodies = {"recovered": next(recovered_bodies(model, store, [number], mesh, heatmaps))[1]}
    for _, truth in true_bodies(store, [number]):
        bodies["truth"] = truth
    arrays, read_out = store.read(number, [CAMERA, TIMES]).arrays, model.read_out
    time_s = arrays.get(TIMES, np.arange(len(arrays[CAMERA])) / (row["camera_hz"] or 10.0))
    about = {"key": row["key"], "weights_hash": model.weights_hash, "data_hash": store.content_hash, "body": read_out.body}
    return Walk(bodies, arrays[CAMERA], time_s, read_out.triangles, read_out.parents, about)


def costs_beside_plain(model: Model, frames: int = 30) -> dict[str, Any] | None:
    """What the network costs beside the same backbone on silhouettes alone (same sizes, no 3D branch); None for a network without one."""
    if getattr(model.config.network, "heatmaps", None) is None:
        return None
    module = plugins.load(f"{METHODS}.{model.config.method}", "network")
    plain = module.Network(model.config.network.model_copy(update={"heatmaps": None}))
    size: tuple[int, int] = model.config.network.size  # type: ignore[attr-defined]
    return costs({"silhouettes alone": plain, "with heatmaps": model.network}, CAMERA, size, frames, device=model.device)


def draw_folder(out: Path, key: str) -> Path:
    """Where what is made of one sequence goes."""
    return out / key.replace("/", "_")
