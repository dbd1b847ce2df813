"""An exported network: an ONNX file that embeds as the network did that it was made of."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gaitbridge.errors import UserError
from gaitbridge.inference.contract import frames_of, output_of
from gaitbridge.types import Batch, Distance

KEY = "gaitbridge"  # of the metadata
KINDS = {"tensor(int64)": np.int64, "tensor(uint8)": np.uint8}


def read_metadata(path: Path) -> tuple[Any, dict[str, Any]]:
    """The runtime's session of an exported file, and its metadata. UserError where it is none, or a package is missing."""
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError(f"{path} needs the package onnxruntime: pip install 'gaitbridge[onnx]'") from error
    if not path.is_file():
        raise UserError(f"{path} is missing: write it with `gaitbridge export RUN {path}`")
    onnxruntime.set_default_logger_severity(3)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's own exceptions have no common base
        what = str(error).splitlines()[0][:120]
        raise UserError(f"{path} is no ONNX file, or damaged ({what}): write it again with `gaitbridge export`") from error
    try:
        about = session.get_modelmeta().custom_metadata_map.get(KEY)
        found = json.loads(about) if about is not None else None
        whole = found is None or {"inputs", "distance", "size", "weights_hash", "modalities"} <= set(found)
    except (ValueError, TypeError) as error:  # also what is no text
        raise UserError(f"{path} is damaged (its metadata cannot be read): write it again with `gaitbridge export`") from error
    if not whole:
        raise UserError(f"{path} is damaged (its metadata are not whole): write it again with `gaitbridge export`")
    if found is None:
        raise UserError(f"{path} is an ONNX file but no exported run (it takes {', '.join(i.name for i in session.get_inputs())}): "
                        "write one with `gaitbridge export RUN FILE.onnx`")
    return session, found


def unrunnable(path: Path, error: Exception) -> UserError:
    """Words for a graph that was opened, but fails on input that was checked: its numbers do not fit together, or the memory does not suffice."""
    what = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
    return UserError(f"{path} cannot be run ({what}): it is damaged, or this machine has too little memory: write it again with `gaitbridge export`")


class ExportedNetwork:
    """What `evaluation.forward.embed_arrays` needs of a network: `inputs`, `config.size`, `distance` and `embed`, by a runtime on the CPU.

    about: the file's metadata; arguments: name, shape (free axes one) and type of each of the graph's inputs.
    """

    def __init__(self, about: dict[str, Any], arguments: Iterable[tuple[str, Sequence[int], Any]]) -> None:
        self.about = about
        self.inputs: Mapping[str, tuple[str, ...]] = {m: tuple(names) for m, names in about["inputs"].items()}
        self.distance: Distance = about["distance"]
        self.config = SimpleNamespace(size=tuple(about["size"]), joint_count=about.get("joint_count", 17), points=about.get("points"))
        self._single = {name: np.zeros(list(shape), kind) for name, shape, kind in arguments}

    def eval(self) -> "ExportedNetwork":
        """As torch's: nothing to do."""
        return self

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        """The embeddings [N, C, K] of each modality whose arrays the batch has."""
        given = [m for m, names in self.inputs.items() if set(names) <= set(batch.inputs)]
        feed = dict(self._single)
        for modality in given:
            feed |= {name: batch.inputs[name].cpu().numpy() for name in self.inputs[modality]}
            feed[frames_of(modality, self.about)] = batch.frames.cpu().numpy()
        found = self.run([output_of(modality, self.about) for modality in given], feed)
        return {modality: torch.from_numpy(values) for modality, values in zip(given, found, strict=True)}

    def run(self, names: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """The graph's outputs of these names."""
        raise NotImplementedError


class OnnxNetwork(ExportedNetwork):
    """An .onnx file by ONNX Runtime, on as many threads as PyTorch has."""

    def __init__(self, path: Path) -> None:
        self.session, about = read_metadata(path)
        self.path = path
        super().__init__(about, [(i.name, [axis if isinstance(axis, int) else 1 for axis in i.shape], KINDS.get(i.type, np.float32))
                                 for i in self.session.get_inputs()])

    def run(self, names: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """The graph's outputs of these names. UserError where the graph cannot be run."""
        try:
            found: list[np.ndarray] = self.session.run(names, feed)
        except Exception as error:  # the runtime's own exceptions have no common base
            raise unrunnable(self.path, error) from error
        return found
