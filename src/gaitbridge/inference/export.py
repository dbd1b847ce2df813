"""A run as one ONNX file: any number of sequences and frames, checked against the network it came from before it is kept.

The graph takes, for each modality, its arrays (`Network.inputs`) [N, T, ...] as they are stored and the frame counts [N], and gives the part
embeddings [N, C, K]. Preparation is inside. What else a user must know stands in the file's metadata under the key `gaitbridge`, as JSON.
"""

import json
import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gaitbridge import __version__
from gaitbridge.conventions import stream
from gaitbridge.data.batches import has_all
from gaitbridge.errors import UserError
from gaitbridge.evaluation.forward import embed_arrays
from gaitbridge.inference.onnx_network import KEY, OnnxNetwork, frames_of, output_of
from gaitbridge.inference.session import Model
from gaitbridge.progress import Progress, silent
from gaitbridge.store import Store, written_whole
from gaitbridge.types import ARRAYS, Batch

TOLERANCE = 1e-4  # largest difference to the network's own embeddings, relative to their largest value
CHECKED = 16  # sequences a modality
TRACED = (3, 5)  # sequences and frames of the example that the graph is traced with; neither stays in it


class _Graph(nn.Module):
    """A network with flat inputs: for each modality its arrays, then its frame counts."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        outputs, place = [], 0
        inputs: Mapping[str, Sequence[str]] = self.network.inputs  # type: ignore[assignment]
        for modality, names in inputs.items():
            arrays, frames = given[place : place + len(names)], given[place + len(names)]
            place += len(names) + 1
            batch = Batch(dict(zip(names, arrays, strict=True)), frames, torch.zeros_like(frames))
            outputs.append(self.network.embed(batch)[modality])  # type: ignore[operator]
        return tuple(outputs)


def export(model: Model, out: Path, store: Store | None = None, progress: Progress = silent) -> dict[str, Any]:
    """Write `model` to the ONNX file `out` and return its metadata.

    store: sequences to check it on (test people first); without one it is checked on noise, and the metadata say so. UserError where the name
    does not end in .onnx, a package is missing, or the graph gives other embeddings than the network: the file is then not kept.
    """
    if out.suffix != ".onnx":
        raise UserError(f"{out} must end in .onnx")
    size = tuple(getattr(model.config.network, "size", None) or (64, 44))
    progress(0, 2, "graph")
    graph = _traced(model.network.cpu().eval(), size)
    progress(1, 2, "check")
    with written_whole(out) as temporary:
        about = {"gaitbridge": __version__, "recipe": model.config.recipe, "method": model.config.method, "size": list(size),
                 "inputs": {m: list(names) for m, names in model.inputs.items()}, "modalities": list(model.modalities),
                 "distance": model.distance, "weights_hash": model.weights_hash, "run": model.run.name}
        graph.model.metadata_props[KEY] = json.dumps(about)
        graph.save(temporary)
        found = _difference(model, OnnxNetwork(temporary), size, store)
        graph.model.metadata_props[KEY] = json.dumps(about := about | found)
        graph.save(temporary)
        if not found["largest_relative_difference"] <= TOLERANCE:
            raise UserError(f"{out} is not kept: its embeddings differ from the run's by {found['largest_relative_difference']:.1e} of the largest "
                            f"value, {TOLERANCE:.0e} is allowed; please report this")
    progress(2, 2, "")
    return about


def _traced(network: nn.Module, size: tuple[int, ...]) -> Any:
    """The graph of the network with free numbers of sequences and frames, of each modality its own."""
    try:
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UserError("export needs the packages onnx and onnxscript: pip install 'gaitbridge[export]'") from error
    arguments: list[Tensor] = []
    shapes: list[dict[int, Any]] = []
    names: list[str] = []
    inputs: Mapping[str, Sequence[str]] = network.inputs  # type: ignore[assignment]
    for modality, arrays in inputs.items():
        count, frames = torch.export.Dim(f"{modality}_count", min=1, max=2**20), torch.export.Dim(f"{modality}_length", min=1, max=2**20)
        for name in arrays:
            arguments.append(torch.from_numpy(np.stack([_noise(name, TRACED[1], size, n) for n in range(TRACED[0])])))
            shapes.append({0: count, 1: frames})
            names.append(name)
        arguments.append(torch.tensor([TRACED[1], TRACED[1] - 1, TRACED[1] - 2]))
        shapes.append({0: count})
        names.append(frames_of(modality))
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns of packages that are not needed
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        return torch.onnx.export(_Graph(network), tuple(arguments), dynamo=True, dynamic_shapes=(tuple(shapes),), input_names=names,
                                 output_names=[output_of(modality) for modality in inputs], verbose=False)


def _noise(name: str, frames: int, size: tuple[int, ...], number: int) -> np.ndarray:
    """An array of the name, of noise in its units."""
    random, (kind, axes) = stream(0, "export", name, number), ARRAYS[name]
    shape = tuple({"T": frames, "H": size[0], "W": size[1]}.get(word) or int(word) for word in axes.split(", "))
    if kind is np.uint8:
        return np.where(random.random(shape) < 0.4, 255, 0).astype(np.uint8)
    values = random.uniform(5, 15, shape) if name == "range_views" else random.normal(0, 0.3, shape)
    return values.astype(np.float32)


def _difference(model: Model, exported: OnnxNetwork, size: tuple[int, ...], store: Store | None) -> dict[str, Any]:
    """The largest relative difference of embeddings over sequences of different lengths, and what it was measured on."""
    largest, counts = 0.0, {}
    for modality, names in model.inputs.items():
        arrays = _sequences(store, names) if store is not None else {}
        real = bool(arrays)
        if not real:
            arrays = {name: [_noise(name, frames, size, frames) for frames in (1, 4, 9)] for name in names}
        plain, other = (embed_arrays(network, modality, arrays) for network in (model.network, exported))
        largest = max(largest, float(np.abs(plain - other).max() / max(np.abs(plain).max(), 1e-12)))
        counts[modality] = f"{len(plain)} sequences of {store.path.name}, content {store.content_hash}" if real and store else "noise"
    return {"largest_relative_difference": largest, "checked_on": counts}


def _sequences(store: Store, names: Sequence[str]) -> dict[str, list[np.ndarray]]:
    """Arrays of some of a store's sequences that have them all, of lengths from one frame to all."""
    numbers = [n for n in [*store.select(split="test"), *range(len(store.rows))] if has_all(store.rows[n], names)]
    chosen = [numbers[place] for place in np.unique(np.linspace(0, len(numbers) - 1, CHECKED).astype(int))] if numbers else []
    found: dict[str, list[np.ndarray]] = {name: [] for name in names} if chosen else {}
    for place, sequence in enumerate(store.read_many(chosen, list(names))):
        shortest = min(len(sequence.arrays[name]) for name in names)
        length = max(1, round(shortest * (place + 1) / len(chosen)))
        for name in names:
            found[name].append(sequence.arrays[name][:length])
    return found
