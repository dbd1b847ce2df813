"""A TFLite network run on a processor: by LiteRT, or by OpenVINO in full float32. Either is imported here alone."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from gaitbridge.errors import UserError, words_of
from gaitbridge.machine import openvino_core

Network = Callable[[np.ndarray], list[np.ndarray]]  # one input, all outputs in the file's order


def runtime() -> str:
    """Which runtime `open_network` takes: litert, openvino, or nothing where neither is installed."""
    return next((name for name, module in (("litert", "ai_edge_litert"), ("openvino", "openvino")) if find_spec(module)), "")


def open_network(path: Path, content: bytes, threads: int) -> Network:
    """The network of a file whose bytes are `content`, known to be whole: a runtime may crash on others. UserError where it cannot be opened.

    threads: of each run. It may run in many of the caller's threads at once: then the network is opened once for each.
    """
    takes = {"litert": _litert, "openvino": _openvino}.get(runtime())
    if takes is None:
        raise UserError("the learnt people model needs LiteRT, which is not installed: pip install 'gaitbridge[people]' (OpenVINO does as well)")
    opens = takes

    def opened() -> Network:
        try:
            return opens(path, content, threads)
        except (RuntimeError, ValueError, ImportError, OSError) as error:
            raise UserError(f"{path} cannot be opened by {runtime()} ({words_of(error)}): install another version of it") from error

    resting = [opened()]

    def run(array: np.ndarray) -> list[np.ndarray]:
        try:
            one = resting.pop()
        except IndexError:  # all are at work
            one = opened()
        try:
            return one(array)
        finally:
            resting.append(one)

    return run


def _litert(path: Path, content: bytes, threads: int) -> Network:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=threads)
    interpreter.allocate_tensors()
    given, places = interpreter.get_input_details()[0]["index"], [output["index"] for output in interpreter.get_output_details()]

    def run(array: np.ndarray) -> list[np.ndarray]:
        interpreter.set_tensor(given, array)
        interpreter.invoke()
        return [interpreter.get_tensor(place) for place in places]  # copies

    return run


def _openvino(path: Path, content: bytes, threads: int) -> Network:
    # Its own choice on processors with bf16 units damages the masks.
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino_core().compile_model(str(path), "CPU", settings)
    request = compiled.create_infer_request()

    def run(array: np.ndarray) -> list[np.ndarray]:
        request.infer([array])
        return [request.get_output_tensor(k).data.copy() for k in range(len(compiled.outputs))]

    return run
