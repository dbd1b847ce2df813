"""Training over several processes (torchrun): the same numbers as one process with the same batch.

A batch is drawn whole and split between the processes by people. Each process runs the network on its share; the features of all shares are then
gathered, and every process computes the same losses of the whole batch, triplets and contrast across shares included. Batch norms of the network take
their statistics from all shares. What is left of a difference is the order in which floating-point sums are taken, and dropout, whose masks are
each process's own.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from gaitbridge.types import Batch, Features


class _Gathered(torch.autograd.Function):
    """The tensors of all processes [n, ...], one under the other [W n, ...].

    Every process computes the same loss from them, so the gradient of a process's own rows is all that has to go back; it is multiplied by
    the number of processes W, because gradients of weights are then averaged over them.
    """

    @staticmethod
    def forward(context: Any, own: Tensor) -> Tensor:
        context.rows = len(own)
        parts = [torch.empty_like(own) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, own.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        first = dist.get_rank() * context.rows
        return gradient[first : first + context.rows] * dist.get_world_size()


class _Summed(torch.autograd.Function):
    """The sum of a tensor over all processes; its gradient is the sum of their gradients."""

    @staticmethod
    def forward(context: Any, own: Tensor) -> Tensor:
        total = own.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total


def gathered(features: Features, batch: Batch) -> tuple[Features, Batch]:
    """Features and labels of the whole batch from those of each process's share, in the order of the plan. Images stay where they are."""
    whole = Features(*(_all(group) for group in features))
    counted = _all({"frames": batch.frames, "people": batch.people})
    return whole, Batch({}, counted["frames"], counted["people"], (), _all(batch.extras))


def _all(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for name in sorted(tensors):  # in one order everywhere
        own = tensors[name]
        packed = own.to(torch.uint8) if own.dtype == torch.bool else own
        together: Tensor = _Gathered.apply(packed)
        found[name] = together.to(own.dtype)
    return {name: found[name] for name in tensors}


def synchronised(network: nn.Module, device: torch.device) -> nn.Module:
    """The network with batch norms over all processes, its parameters and their names as they were."""
    if device.type == "cuda":
        converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        return converted
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, _BatchNorm) and not isinstance(child, SynchronisedBatchNorm):
                setattr(module, name, SynchronisedBatchNorm.of(child))
    return network


class SynchronisedBatchNorm(_BatchNorm):
    """A batch norm whose statistics are those of all processes' samples, on any device (PyTorch's own is for GPUs alone)."""

    @classmethod
    def of(cls, plain: _BatchNorm) -> "SynchronisedBatchNorm":
        """In the place of a plain one: its parameters and buffers themselves, no copies."""
        norm = cls(plain.num_features, plain.eps, plain.momentum, plain.affine, plain.track_running_stats)
        norm.weight, norm.bias = plain.weight, plain.bias
        norm.running_mean, norm.running_var, norm.num_batches_tracked = plain.running_mean, plain.running_var, plain.num_batches_tracked
        return norm.train(plain.training)

    def forward(self, x: Tensor) -> Tensor:
        """x [n, C, ...], n samples of this process."""
        if not self.training:
            return functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)
        axes, shape = [0, *range(2, x.ndim)], (1, -1, *(1 for _ in range(2, x.ndim)))
        wide = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
        number = torch.tensor(float(x.numel() // x.shape[1]), device=x.device)
        dist.all_reduce(number)
        mean: Tensor = _Summed.apply(wide.sum(axes)) / number                                  # [C]
        apart = wide - mean.view(shape)
        variance: Tensor = _Summed.apply(apart.square().sum(axes)) / number                    # [C]
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            with torch.no_grad():
                self.num_batches_tracked += 1
                share = self.momentum if self.momentum is not None else 1.0 / float(self.num_batches_tracked)
                self.running_mean.lerp_(mean, share)
                self.running_var.lerp_(variance * number / (number - 1).clamp(min=1.0), share)
        y = apart * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            y = y * self.weight.view(shape) + self.bias.view(shape)
        return y.to(x.dtype)
