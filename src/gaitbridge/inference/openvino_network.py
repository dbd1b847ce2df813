"""A network exported to OpenVINO: a pair of files, NAME.xml and NAME.bin, that embeds as the network did that it was made of, by Intel's runtime.

Metadata stand in the .xml's runtime information under the key `gaitbridge`, as JSON, with a digest of the .bin that belongs to it.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gaitbridge.errors import UserError
from gaitbridge.inference.onnx_network import KEY, ExportedNetwork, unrunnable
from gaitbridge.machine import openvino_core


def weights_file(path: Path) -> Path:
    """The .bin of an .xml."""
    return path.with_suffix(".bin")


def digest(path: Path) -> str:
    """Of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:32]


def core(path: Path) -> Any:
    """OpenVINO's. UserError where it is not installed."""
    try:
        return openvino_core()
    except ImportError as error:
        raise UserError(f"{path} needs the package openvino: pip install 'gaitbridge[openvino]'") from error


def read_model(path: Path) -> tuple[Any, dict[str, Any]]:
    """OpenVINO's model of an exported pair of files, and its metadata. UserError where it is none, not whole, or the package is missing."""
    runtime = core(path)
    for file in (path, weights_file(path)):
        if not file.is_file():
            raise UserError(f"{file} is missing: write both files with `gaitbridge export RUN {path}`")
    try:
        model = runtime.read_model(path, weights_file(path))
        about = json.loads(model.get_rt_info([KEY]).astype(str)) if model.has_rt_info([KEY]) else None
    except (RuntimeError, ValueError) as error:
        what = str(error).strip().splitlines()[-1][:120]
        raise UserError(f"{path} is no OpenVINO model, or damaged ({what}): write it again with `gaitbridge export`") from error
    if about is None:
        raise UserError(f"{path} is an OpenVINO model but no exported run: write one with `gaitbridge export RUN FILE.xml`")
    if about["weights_digest"] != digest(weights_file(path)):
        raise UserError(f"{weights_file(path)} does not belong to {path}: write both again with `gaitbridge export`")
    return model, about


class OpenvinoNetwork(ExportedNetwork):
    """As `OnnxNetwork`, by OpenVINO, in float32: left alone it takes bfloat16 on processors that have it, which is 4e-3 off."""

    def __init__(self, path: Path) -> None:
        model, about = read_model(path)
        self.path = path
        super().__init__(about, [(i.any_name, [d.get_length() if d.is_static else 1 for d in i.partial_shape], i.element_type.to_dtype())
                                 for i in model.inputs])
        settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
        try:
            self.compiled = core(path).compile_model(model, "CPU", settings)
        except RuntimeError as error:
            raise unrunnable(path, error) from error

    def run(self, names: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """The outputs of these names; UserError where the graph cannot be run. A request of its own for each call: threads may share the network."""
        try:
            found = self.compiled.create_infer_request().infer(feed)
        except RuntimeError as error:
            raise unrunnable(self.path, error) from error
        return [np.array(found[name]) for name in names]
