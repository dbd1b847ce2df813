"""Run a network over whole sequences: arrays in, part embeddings out, in the order given."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from gaitbridge.data.batches import padded
from gaitbridge.data.preparation import prepared
from gaitbridge.errors import UserError
from gaitbridge.machine import keep_freed_memory
from gaitbridge.types import Batch

FRAMES_AT_ONCE = 640  # bounds memory, whatever the lengths


def embed_arrays(network: Any, modality: str, arrays: Mapping[str, Sequence[np.ndarray]], device: torch.device | str = "cpu",
                 bf16: bool = False) -> np.ndarray:
    """Embeddings float32 [N, C, K] of N sequences of one modality, T from 1.

    network: a module with `inputs` and `embed`, left in evaluation mode, or what does as one (`inference.onnx_network`). arrays: for each name of
    `network.inputs[modality]` N arrays [T, ...] or points [P, 5]; they are prepared (`data.preparation`), and of arrays with more frames than their
    fellows the first count. A sequence's embedding depends neither on its neighbours nor on the batch size, but for rounding. UserError names a
    sequence that has no frames.
    """
    settings = getattr(network, "config", None)
    fit = {name: [prepared(name, array, settings, f"{name}[{n}]") for n, array in enumerate(group)] for name, group in arrays.items()}
    lengths = [min(len(array) for array in own) for own in zip(*fit.values(), strict=True)]
    for number, length in enumerate(lengths):
        if length == 0:
            raise UserError(f"sequence {number} of {len(lengths)} has no frames: leave it out")
    keep_freed_memory()
    network.eval()
    order = sorted(range(len(lengths)), key=lambda n: lengths[n])
    result: list[np.ndarray | None] = [None] * len(lengths)
    for group in _groups(order, lengths):
        inputs = {name: padded([own[n][: lengths[n]] for n in group])[0].to(device) for name, own in fit.items()}
        batch = Batch(inputs, torch.tensor([lengths[n] for n in group], device=device), torch.full((len(group),), -1))
        with torch.inference_mode(), torch.autocast(torch.device(device).type, torch.bfloat16, enabled=bf16):
            values = network.embed(batch)[modality].float().cpu().numpy()
        for n, value in zip(group, values, strict=True):
            result[n] = value
    return np.stack([value for value in result if value is not None])


def _groups(order: Sequence[int], lengths: Sequence[int]) -> list[list[int]]:
    """Consecutive sequences, shortest first, of at most FRAMES_AT_ONCE padded frames a group (one sequence at least)."""
    groups: list[list[int]] = []
    for number in order:
        if groups and (len(groups[-1]) + 1) * lengths[number] <= FRAMES_AT_ONCE:
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups
