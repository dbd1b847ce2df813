"""The losses of a whole batch, by a network that sees it part by part: less memory, the same gradients (Gao et al. 2021).

Losses over pairs and triplets do not add up over parts of a batch, as they would have to for plain gradient accumulation. So the features of all
parts are computed first, without a graph; the losses of the whole batch say how each feature is to change; then each part is seen once more, and
passes its own features' change back into the weights. What differs from the batch at once: batch norms take their statistics from each part, and
dropout draws for each part.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from gaitbridge.errors import UserError
from gaitbridge.types import Batch, Features

See = Callable[[Batch, int], Features]  # the features of part number n, in float32, with the random numbers of that part


def check_parts(rows: int, count: int) -> None:
    """UserError where a batch of so many sequences cannot be seen in `count` parts."""
    if rows < count:
        raise UserError(f"optimiser.accumulate is {count}, but a process has {rows} sequences of a batch: lower it")


def in_parts(batch: Batch, count: int) -> list[Batch]:
    """The batch as `count` batches, one after the other, as evenly as goes."""
    rows = len(batch.frames)
    edges = [number * rows // count for number in range(count + 1)]
    return [_rows(batch, slice(*pair)) for pair in pairwise(edges)]


def _rows(batch: Batch, rows: slice) -> Batch:
    inputs, extras = ({name: x[rows] for name, x in group.items()} for group in (batch.inputs, batch.extras))
    return Batch(inputs, batch.frames[rows], batch.people[rows], batch.keys[rows], extras)


def seen_first(see: See, parts: Sequence[Batch], modules: Sequence[nn.Module]) -> Features:
    """The features of all parts, one under the other, as leaves that take their gradients. Running statistics of `modules` stay as they were."""
    with torch.no_grad(), buffers_kept(modules):
        found = [see(part, number) for number, part in enumerate(parts)]
    return Features(*({name: _leaf([one[group][name] for one in found]) for name in found[0][group]} for group in range(len(found[0]))))


def _leaf(parts: Sequence[Tensor]) -> Tensor:
    together = torch.cat(list(parts))
    return together.requires_grad_(together.is_floating_point())


@contextmanager
def buffers_kept(modules: Sequence[nn.Module]) -> Iterator[None]:
    """What modules keep beside their weights is afterwards what it was."""
    before = [(buffer, buffer.clone()) for module in modules for buffer in module.buffers()]
    yield
    for buffer, value in before:
        buffer.copy_(value)


def passed_back(fabric: Any, network: nn.Module, see: See, parts: Sequence[Batch], leaves: Features) -> None:
    """Add to the weights' gradients what each part's features contribute; leaves: of `seen_first`, with their gradients."""
    first = 0
    for number, part in enumerate(parts):
        rows = slice(first, first := first + len(part.frames))
        with fabric.no_backward_sync(network, enabled=number + 1 < len(parts)):  # processes share gradients once, after the last
            features = see(part, number)
            total = [(x * leaf.grad[rows]).sum() for own, whole in zip(features, leaves, strict=True) for name, x in own.items()
                     if (leaf := whole[name]).grad is not None and x.requires_grad]
            fabric.backward(torch.stack(total).sum())
