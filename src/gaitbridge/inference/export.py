"""A run as one ONNX file, or as OpenVINO's pair of files: any number of sequences and frames, checked against the run before it is kept.

The graph takes, for each modality, its arrays (`Network.inputs`) [N, T, ...] as they are stored and the frame counts [N], and gives the part
embeddings [N, C, K]. Preparation is inside, and so are the checks of `inference.contract`, which has the names. What else a user must know stands
in the file's metadata under the key `gaitbridge`, as JSON.
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

from gaitbridge import __version__, clouds
from gaitbridge.conventions import PARSING, PARSING_LABELS, POINTS, SKELETONS, stream
from gaitbridge.data.batches import has_all
from gaitbridge.data.contents import content_problem
from gaitbridge.data.preparation import first_frames, frames_in, prepared
from gaitbridge.errors import UserError
from gaitbridge.evaluation.embedding.forward import embed_arrays
from gaitbridge.files import check_out, placed, workplace
from gaitbridge.inference.contract import EMBEDDINGS, FRAMES, names_of, no_walks
from gaitbridge.inference.int8 import quantize
from gaitbridge.inference.onnx_network import KEY, ExportedNetwork, OnnxNetwork
from gaitbridge.inference.openvino_network import OpenvinoNetwork, core, digest, weights_file
from gaitbridge.inference.session import Model
from gaitbridge.progress import Progress, silent
from gaitbridge.store import Store
from gaitbridge.types import ARRAYS, Batch, array_shape

TOLERANCE = 1e-4  # largest difference to the network's own embeddings, relative to their largest value
INT8_SHARE = 0.2  # of the mean distance between different walks: the most that bytes may move an embedding, on average
SUFFIXES = (".onnx", ".xml")
CHECKED = 16  # sequences a modality
POINTS_OF_NOISE = 200  # a frame
TRACED = (3, 5)  # sequences and frames of the example that the graph is traced with; neither stays in it


class _Graph(nn.Module):
    """A network with flat inputs: for each modality its arrays, then its frame counts. What is no walk gives NaN."""

    def __init__(self, network: nn.Module, inputs: Mapping[str, Sequence[str]]) -> None:
        super().__init__()
        self.network, self.inputs = network, inputs

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        outputs, place = [], 0
        for modality, names in self.inputs.items():
            arrays, frames = dict(zip(names, given[place : place + len(names)], strict=True)), given[place + len(names)]
            place += len(names) + 1
            bad = no_walks(arrays, frames)
            counted = torch.clamp(frames, min=1)
            values = self.network.embed(Batch(arrays, counted, torch.zeros_like(counted)))[modality]  # type: ignore[operator]
            outputs.append(torch.where(bad[:, None, None], torch.full((), float("nan"), dtype=values.dtype), values))
        return tuple(outputs)


def export(model: Model, out: Path, store: Store | None = None, progress: Progress = silent, int8: bool = False, *,
           modalities: Sequence[str] = ()) -> dict[str, Any]:  # fmt: skip
    """Write `model` to `out`, an .onnx or for OpenVINO an .xml with its .bin, and return its metadata.

    modalities: those of `model.modalities` that the file is to embed; by default all. store: sequences to check it on (test people first); without
    one it is checked on noise, and the metadata say so. int8: convolutions by bytes (`inference.int8`), for which sequences of the store are looked
    at; the file is then a network of its own, with a `weights_hash` of its own. UserError where the name ends otherwise, a package or the store is
    missing, or the graph gives other embeddings than the network: nothing is then kept.
    """
    if out.suffix not in SUFFIXES:
        raise UserError(f"{out} must end in {' or '.join(SUFFIXES)}")
    check_out(str(out), out)
    if int8 and store is None:
        raise UserError("int8 needs walks to fit the bytes to: give the store that the run was trained on with --data STORE")
    if out.suffix == ".xml":
        core(out)  # a missing package is said before anything is computed
    settings = model.config.network
    progress(0, 3, "graph")
    inputs = {modality: tuple(model.inputs[modality]) for modality in modalities or model.modalities}
    about: dict[str, Any] = names_of(list(inputs))
    graph = _traced(model.deployed.cpu().eval(), inputs, about, settings)
    about |= {"gaitbridge": __version__, "recipe": model.config.recipe, "method": model.config.method, "precision": "float32",
             "size": list(getattr(settings, "size", None) or (64, 44)), "points": getattr(settings, "points", None),
             "inputs": {m: list(names) for m, names in inputs.items()}, "modalities": list(inputs),
             "distance": model.distance, "weights_hash": model.weights_hash, "run": model.run.name, "trained_on": model.trained_on,
             "flips": model.flips}
    about |= {"joint_count": settings.joint_count} if hasattr(settings, "joint_count") else {}
    with workplace(out) as folder:
        made = folder / "model.onnx"
        graph.model.metadata_props[KEY] = json.dumps(about)
        graph.save(made)
        if int8 and store is not None:
            progress(1, 3, "int8")
            about |= {"precision": "int8", "float_weights_hash": model.weights_hash, **quantize(made, about, store)}
        write = write_openvino if out.suffix == ".xml" else write_onnx
        kept = folder / f"kept{out.suffix}"
        write(made, kept, about)
        progress(2, 3, "check")
        about |= _compared(model, inputs, OpenvinoNetwork(kept) if out.suffix == ".xml" else OnnxNetwork(kept), store)
        _check(about, out, int8)
        write(made, kept, about)
        if out.suffix == ".xml":
            placed(weights_file(kept), weights_file(out))
        placed(kept, out)
    progress(3, 3, "")
    return about


def write_onnx(made: Path, kept: Path, about: Mapping[str, Any]) -> None:
    """The ONNX file `made` with its metadata."""
    import onnx

    graph = onnx.load(made)
    del graph.metadata_props[:]
    graph.metadata_props.add(key=KEY, value=json.dumps(about))
    onnx.save(graph, kept)


def write_openvino(made: Path, kept: Path, about: Mapping[str, Any]) -> None:
    """The ONNX file `made` as OpenVINO's pair of files with its metadata."""
    runtime = core(kept)
    import openvino

    model = runtime.read_model(made)
    openvino.save_model(model, kept, compress_to_fp16=False)
    model.set_rt_info(json.dumps({**about, "weights_digest": digest(weights_file(kept))}), [KEY])
    openvino.save_model(model, kept, compress_to_fp16=False)


def _check(about: Mapping[str, Any], out: Path, int8: bool) -> None:
    """UserError where the embeddings are too far from the run's."""
    largest, share = about["largest_relative_difference"], about["share_of_spread"]
    if int8:
        if not share <= INT8_SHARE:
            raise UserError(f"{out} is not kept: bytes move its embeddings by {share:.0%} of the distance between different walks, "
                            f"{INT8_SHARE:.0%} is allowed; export without --int8, or give a store like the one it was trained on")
    elif not largest <= TOLERANCE:
        raise UserError(f"{out} is not kept: its embeddings differ from the run's by {largest:.1e} of the largest value, {TOLERANCE:.0e} is allowed; "
                        "please report this")


def _traced(network: nn.Module, inputs: Mapping[str, Sequence[str]], called: Mapping[str, Mapping[str, str]], settings: object) -> Any:
    """The graph of the network with free numbers of sequences and frames, of each modality its own. called: as `names_of` gives it."""
    try:
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UserError("export needs the packages onnx and onnxscript: pip install 'gaitbridge[export]'") from error
    arguments: list[Tensor] = []
    shapes: list[dict[int, Any]] = []
    names: list[str] = []
    for modality, arrays in inputs.items():
        count, frames = torch.export.Dim(f"{modality}_count", min=1, max=2**20), torch.export.Dim(f"{modality}_length", min=1, max=2**20)
        for name in arrays:
            noise = [prepared(name, _noise(name, TRACED[1], settings, n), settings, name) for n in range(TRACED[0])]
            arguments.append(torch.from_numpy(np.stack(noise)))
            shapes.append({0: count, 1: frames})
            names.append(name)
        arguments.append(torch.tensor([TRACED[1], TRACED[1] - 1, TRACED[1] - 2]))
        shapes.append({0: count})
        names.append(called[FRAMES][modality])
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns of packages that are not needed
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        return torch.onnx.export(_Graph(network, inputs), tuple(arguments), dynamo=True, dynamic_shapes=(tuple(shapes),), input_names=names,
                                 output_names=[called[EMBEDDINGS][modality] for modality in inputs], verbose=False)


def _noise(name: str, frames: int, settings: object, number: int) -> np.ndarray:
    """An array of the name, of noise in its units, as a network of these settings takes it."""
    random, shape = stream(0, "export", name, number), array_shape(name, frames, settings)
    if name == POINTS:  # as high and as wide as people, at 10 m
        return clouds.joined(list(random.uniform((9.7, -0.3, -1.5), (10.3, 0.3, 0.2), (frames, POINTS_OF_NOISE, 3))))
    if name == PARSING:
        return random.integers(0, len(PARSING_LABELS), shape).astype(np.uint8)
    if name == SKELETONS:
        return random.uniform((0, 0, 0), (200, 400, 1), shape).astype(np.float32)
    if ARRAYS[name][0] is np.uint8:
        return np.where(random.random(shape) < 0.4, 255, 0).astype(np.uint8)
    values = random.uniform(5, 15, shape) if name == "range_views" else random.normal(0, 0.3, shape)
    return values.astype(np.float32)


def _compared(
    model: Model, inputs: Mapping[str, Sequence[str]], exported: ExportedNetwork, store: Store | None
) -> dict[str, Any]:  # fmt: skip
    """How far embeddings of sequences of different lengths are from the run's, and what it was measured on.

    largest_relative_difference: of any value, relative to the largest one; share_of_spread: the mean distance between a walk's two embeddings,
    relative to the mean distance between different walks; least_cosine: of any walk's two embeddings. Of all modalities the worst.
    """
    found, counts = {"largest_relative_difference": 0.0, "share_of_spread": 0.0, "least_cosine": 1.0}, {}
    for modality, names in inputs.items():
        arrays = _sequences(store, names) if store is not None else {}
        real = bool(arrays)
        if not real:
            arrays = {name: [_noise(name, frames, model.config.network, frames) for frames in (1, 4, 9)] for name in names}
        plain, other = (embed_arrays(network, modality, arrays) for network in (model.deployed, exported))
        for name, value in _measures(plain, other).items():
            worse = value > found[name] if name != "least_cosine" else value < found[name]
            found[name] = value if worse or value != value else found[name]  # NaN stays
        counts[modality] = f"{len(plain)} sequences of {store.path.name}, content {store.content_hash}" if real and store else "noise"
    return {**found, "checked_on": counts}


def _measures(plain: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """As in `_compared`, of embeddings [N, C, K]."""
    flat, moved = plain.reshape(len(plain), -1).astype(np.float64), other.reshape(len(other), -1).astype(np.float64)
    apart = np.linalg.norm(flat - moved, axis=1)
    spread = np.linalg.norm(flat[:, None] - flat[None], axis=2)[~np.eye(len(flat), dtype=bool)]
    cosine = (flat * moved).sum(1) / np.maximum(np.linalg.norm(flat, axis=1) * np.linalg.norm(moved, axis=1), 1e-12)
    return {"largest_relative_difference": float(np.abs(flat - moved).max() / max(np.abs(flat).max(), 1e-12)),
            "share_of_spread": float(apart.mean() / max(spread.mean() if len(spread) else 0.0, 1e-12)), "least_cosine": float(cosine.min())}


def _sequences(store: Store, names: Sequence[str]) -> dict[str, list[np.ndarray]]:
    """Arrays of some of a store's sequences that have them all, of lengths from one frame to all, and in which something shows."""
    numbers = [n for n in [*store.select(split="test"), *range(len(store.rows))] if has_all(store.rows[n], names)]
    chosen = [numbers[place] for place in np.unique(np.linspace(0, len(numbers) - 1, CHECKED).astype(int))] if numbers else []
    found: dict[str, list[np.ndarray]] = {name: [] for name in names} if chosen else {}
    for place, sequence in enumerate(store.read_many(chosen, list(names))):
        shortest = min(frames_in(name, sequence.arrays[name]) for name in names)
        length = max(1, round(shortest * (place + 1) / len(chosen)))
        begun = {name: first_frames(name, sequence.arrays[name], length) for name in names}
        if not any(frames_in(name, array) == 0 or content_problem(name, array) for name, array in begun.items()):
            for name, array in begun.items():
                found[name].append(array)
    return found if all(found.values()) else {}
