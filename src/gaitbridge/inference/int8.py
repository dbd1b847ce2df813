"""An exported network by bytes: convolutions of int8, their ranges fitted to real walks. What it costs in accuracy stands in docs/export.md."""

import hashlib
import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from gaitbridge.data.batches import has_all
from gaitbridge.data.preparation import prepared
from gaitbridge.errors import UserError
from gaitbridge.files import workplace
from gaitbridge.inference.contract import frames_of
from gaitbridge.store import Store

FITTED = 64  # sequences a modality; with half of them, of half the length, bytes moved walks twice as far
FRAMES = 16  # of each; shorter walks go round
AT_ONCE = 4  # walks whose inner values are held together: a gigabyte for a network of published size
OPERATIONS = ("Conv",)  # the heads after them take little time, and decide more
LEAST_CHANNELS = 8  # of a convolution's input: the first one, which sees pictures and metres, stays in float32
PERCENTILE = 99.99  # of values within a range: the largest ones, which are few, are cut off (half the error of keeping them all)


class _Walks:
    """What ONNX Runtime asks for: a dictionary of the graph's inputs at a time, None at the end of the range asked for."""

    def __init__(self, feeds: list[dict[str, np.ndarray]]) -> None:
        self.feeds, self.left = feeds, list(feeds)

    def __len__(self) -> int:
        return len(self.feeds)

    def set_range(self, start_index: int, end_index: int) -> None:
        """Give these next."""
        self.left = self.feeds[start_index:end_index]

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next walk."""
        return self.left.pop(0) if self.left else None


def quantize(file: Path, about: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """Turn the ONNX file `file` into one of bytes, in place; returns its `weights_hash` and what it was fitted to.

    about: the file's metadata. UserError where the store has no sequences of a modality, or a package is missing.
    """
    try:
        import onnx
        from onnxruntime import quantization
    except ImportError as error:
        raise UserError("int8 needs the packages onnx and onnxruntime: pip install 'gaitbridge[export]'") from error
    feeds, fitted_to = _feeds(about, store)
    with workplace(file) as folder:
        made = folder / "int8.onnx"
        with _quiet():
            quantization.quantize_static(str(file), str(made), _Walks(feeds), op_types_to_quantize=list(OPERATIONS), per_channel=True,
                                         nodes_to_exclude=_first_ones(onnx.load(file)), quant_format=quantization.QuantFormat.QDQ,
                                         activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8,
                                         calibrate_method=quantization.CalibrationMethod.Percentile,
                                         extra_options={"CalibPercentile": PERCENTILE, "CalibStridedMinMax": AT_ONCE})
        graph = onnx.load(made)
        made.replace(file)
    digest = hashlib.blake2b(str(about["weights_hash"]).encode(), digest_size=16)
    for tensor in sorted(graph.graph.initializer, key=lambda one: one.name):
        digest.update(tensor.name.encode() + onnx.numpy_helper.to_array(tensor).tobytes())
    return {"weights_hash": digest.hexdigest(), "fitted_to": fitted_to}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the quantizer prints of its own: a progress in many lines, advice for other people's files."""
    root, before = logging.getLogger(), logging.getLogger().level
    root.setLevel(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        root.setLevel(before)


def _first_ones(graph: Any) -> list[str]:
    """Names of the convolutions that read a network's input."""
    shapes = {tensor.name: tensor.dims for tensor in graph.graph.initializer}
    return [node.name for node in graph.graph.node if node.op_type == "Conv" and shapes[node.input[1]][1] < LEAST_CHANNELS]


def _feeds(about: Mapping[str, Any], store: Store) -> tuple[list[dict[str, np.ndarray]], dict[str, str]]:
    """Walks for all of the graph's inputs at once, and what was taken: training people's where there are any."""
    inputs: Mapping[str, Sequence[str]] = about["inputs"]
    settings = SimpleNamespace(size=tuple(about["size"]), points=about.get("points"))
    feeds, taken = [dict[str, np.ndarray]() for _ in range(FITTED)], {}
    for modality, names in inputs.items():
        numbers = [n for n in store.select(split="train") or range(len(store.rows)) if has_all(store.rows[n], names)]
        if not numbers:
            raise UserError(f"{store.path} has no sequences with {' and '.join(names)}, which int8 is fitted to: give a store that has")
        chosen = [numbers[place] for place in np.linspace(0, len(numbers) - 1, FITTED).astype(int)]
        read = zip(sorted(set(chosen)), store.read_many(sorted(set(chosen)), list(names)), strict=True)
        sequences = {n: {name: prepared(name, sequence.arrays[name], settings, name) for name in names} for n, sequence in read}
        for feed, number in zip(feeds, chosen, strict=True):
            frames = np.arange(FRAMES) % min(len(sequences[number][name]) for name in names)  # of one length: the runtime asks for that
            feed |= {name: sequences[number][name][frames][None] for name in names}
            feed[frames_of(modality, about)] = np.array([FRAMES])
        taken[modality] = f"{len(sequences)} sequences of {store.path.name}, content {store.content_hash}"
    return feeds, taken
