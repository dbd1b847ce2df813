"""What a network costs at inference: parameters, multiply-adds counted operator by operator, and time beside other networks.

Times of a machine that others use too are noise; what holds is the ratio of two networks timed in turn, round by round, in one process.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from typing_extensions import TypedDict

from gaitbridge import __version__
from gaitbridge.conventions import CAMERA, POINTS, stream
from gaitbridge.documents import read_document
from gaitbridge.errors import UserError
from gaitbridge.evaluation.embedding.from_store import modality_name
from gaitbridge.files import write_json
from gaitbridge.machine import processor_name
from gaitbridge.types import Batch

Size = tuple[int, int]
PARTS_DEPTH = 2  # children, and children of children


def random_batch(modality: str, size: Size, frames: int, sequences: int = 1, device: torch.device | str = "cpu", points: int = 0) -> Batch:
    """A batch [N, T, H, W], or of so many points of a frame [N, T, P, 3], of noise in the units of its modality, every frame real."""
    random, shape = stream(0, "cost", modality), (sequences, frames, *size)
    if modality == POINTS:
        cloud = torch.from_numpy(random.uniform((9.7, -0.3, -1.5), (10.3, 0.3, 0.2), (sequences, frames, points, 3)).astype(np.float32)).to(device)
        return Batch({POINTS: cloud}, torch.full((sequences,), frames, device=device), torch.full((sequences,), -1))
    seen = random.random(shape) < 0.4
    values = (255 * seen).astype(np.uint8) if modality == CAMERA else np.where(seen, random.uniform(5, 15, shape), np.nan).astype(np.float32)
    images = torch.from_numpy(values).to(device)
    return Batch({modality: images}, torch.full((sequences,), frames, device=device), torch.full((sequences,), -1))


def cost(network: nn.Module, modality: str, size: Size, frames: int = 30, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Parameters and arithmetic of `network.embed` on one sequence of `frames` x `size` (H, W) of one modality.

    flops: two for each multiply-add of matrix products, convolutions and attention; what is done element by element is not counted.
    Returns a JSON-able dict; `parameters_by_part` and `flops_by_part` are of the network's children and theirs, by dotted name (a child's number
    holds its own children's). The network is left on `device` in evaluation mode.
    """
    name = modality_name(modality)
    batch = random_batch(name, size, frames, device=device, points=_points_of(network))
    network.to(device).eval()
    parts = {part: child for part, child in network.named_modules() if part and part.count(".") < PARTS_DEPTH}
    with torch.no_grad(), _countable(), FlopCounterMode(display=False) as counter, _attributed(counter, network) as calls:
        network.embed(batch)  # type: ignore[operator]
    flops = counter.get_total_flops()
    by_part = {part: _flops(child, calls) for part, child in parts.items()}
    return {
        "modality": name, "frames": frames, "height": size[0], "width": size[1],
        "parameters": _parameters(network), "parameters_by_part": {part: _parameters(child) for part, child in parts.items()},
        "flops_per_sequence": flops, "flops_per_frame": flops / frames, "multiply_adds_per_sequence": flops / 2,
        "multiply_adds_per_frame": flops / 2 / frames, "flops_by_part": by_part,
    }


def _points_of(network: nn.Module) -> int:
    """How many points of a frame it takes, 0 where it takes none."""
    return int(getattr(getattr(network, "config", None), "points", 0))


def _parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _flops(module: nn.Module, calls: Mapping[nn.Module, int]) -> int:
    """Of a module's own calls, or, where it is never called itself (a list of modules), of its children's."""
    return calls[module] if module in calls else sum(_flops(child, calls) for child in module.children())


@contextmanager
def _countable() -> Iterator[None]:
    """Fused attention, transformer and recurrent kernels taken apart, of which the counter knows nothing."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    onednn = torch.backends.mkldnn.set_flags(_enabled=False, _fp32_precision=None)[0]  # type: ignore[no-untyped-call,unused-ignore]
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mkldnn.set_flags(_enabled=onednn, _fp32_precision=None)  # type: ignore[no-untyped-call,unused-ignore]
        torch.backends.mha.set_fastpath_enabled(fast)


@contextmanager
def _attributed(counter: FlopCounterMode, network: nn.Module) -> Iterator[dict[nn.Module, int]]:
    """The counts between the beginning and the end of every module's calls; a module that is never called has none."""
    found: dict[nn.Module, int] = {}
    begun: dict[nn.Module, int] = {}

    def begin(module: nn.Module, *_: object) -> None:
        begun[module] = counter.get_total_flops()

    def end(module: nn.Module, *_: object) -> None:
        found[module] = found.get(module, 0) + counter.get_total_flops() - begun[module]

    hooks = [module.register_forward_pre_hook(begin) for module in network.modules()]
    hooks += [module.register_forward_hook(end) for module in network.modules()]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def latency_ratio(
    networks: Mapping[str, nn.Module], modality: str, size: Size, frames: int = 30, *, sequences: int = 1, rounds: int = 30, warm_up: int = 3,
    device: torch.device | str = "cpu", threads: int = 1, seed: int = 0,
) -> dict[str, Any]:
    """Time `embed` of several networks side by side on one batch: every round times each once, in an order drawn anew.

    `ratios` is the result: for each network the median and the quartiles over rounds of its time divided by the FIRST network's in the same round.
    `seconds` gives the times themselves, for this machine at this hour. The networks are left on `device` in evaluation mode.
    UserError with no network, or no round.
    """
    if not networks or rounds < 1:
        raise UserError("nothing to time: give at least one network and one round")
    place, name = torch.device(device), modality_name(modality)
    points = max(map(_points_of, networks.values()))
    batch, random = random_batch(name, size, frames, sequences, place, points), stream(seed, "latency")
    names, before = list(networks), torch.get_num_threads()
    times = np.empty((rounds, len(names)))
    torch.set_num_threads(threads)
    try:
        for network in networks.values():
            network.to(place).eval()
            for _ in range(warm_up):
                _seconds(network, batch, place)
        for row in range(rounds):
            for column in random.permutation(len(names)):
                times[row, column] = _seconds(networks[names[column]], batch, place)
    finally:
        torch.set_num_threads(before)
    ratios = times / times[:, :1]
    return {
        "reference": names[0], "ratios": {one: _spread(ratios[:, n]) for n, one in enumerate(names)},
        "seconds": {one: _spread(times[:, n]) for n, one in enumerate(names)}, "rounds": rounds, "sequences": sequences, "frames": frames,
        "height": size[0], "width": size[1], "modality": name, "device": place.type, "hardware": _hardware(place), "threads": threads,
        "torch": torch.__version__, "code_version": __version__,
    }


def _seconds(network: nn.Module, batch: Batch, device: torch.device) -> float:
    """One call of `embed`, until the device has finished."""
    _finish(device)
    start = time.perf_counter()
    with torch.inference_mode():
        network.embed(batch)  # type: ignore[operator]
    _finish(device)
    return time.perf_counter() - start


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _spread(values: np.ndarray) -> dict[str, float]:
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return {"median": float(middle), "quartile_low": float(low), "quartile_high": float(high)}


def _hardware(device: torch.device) -> str:
    """The GPU or the processor by name."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return processor_name()


def costs(
    networks: Mapping[str, nn.Module], modality: str, size: Size, frames: int = 30, *, device: torch.device | str = "cpu", rounds: int = 30,
    threads: int = 1, sequences: int = 1,
) -> dict[str, Any]:
    """Cost and latency of several networks, the first one the reference: {"networks": {name: as of `cost`}, "latency": as of `latency_ratio`}."""
    counted = {name: cost(network, modality, size, frames, device) for name, network in networks.items()}
    timed = latency_ratio(networks, modality, size, frames, device=device, rounds=rounds, threads=threads, sequences=sequences)
    return {"networks": counted, "latency": timed}


class Spread(TypedDict):
    """Of several rounds."""

    median: float
    quartile_low: float
    quartile_high: float


class Latency(TypedDict):
    """Times, and where they were taken."""

    reference: str
    ratios: dict[str, Spread]
    seconds: dict[str, Spread]
    rounds: int
    sequences: Annotated[int, Field(ge=1)]
    frames: int
    height: int
    width: int
    device: str
    hardware: str
    threads: int


class Counted(TypedDict):
    """What a network holds and does."""

    parameters: int
    flops_per_frame: float
    flops_per_sequence: float


class Cost(TypedDict):
    """What cost.json must hold."""

    networks: dict[str, Counted]
    latency: Latency


def write_cost(document: Mapping[str, Any], out: Path) -> None:
    """`cost.json` in the folder `out`, whole or not at all."""
    write_json(dict(document), out / "cost.json")


def read_cost(path: Path) -> dict[str, Any]:
    """The document of a `cost.json`; UserError where it is missing, StoreError where it is something else."""
    if not path.is_file():
        raise UserError(f"{path} is missing; measure the cost of the run first")
    return dict(read_document(path, Cost, "measure the cost again"))
