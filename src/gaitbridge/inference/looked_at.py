"""What a network looks at: the share of each pixel in how like one walk is to another.

    likeness s(a, b) = mean over parts k of a_k . b_k / (|a_k| |b_k|)                          the cosine of two walks' embeddings
    share of a pixel = sum over channels of  x * mean over i of ds/dx at x * (i - 1/2) / n      n steps from a blank picture to x

Integrated gradients (Sundararajan, Taly and Yan 2017): together the shares are what the pictures add to the likeness of a blank walk, but for the
steps. Ranges and parsed bodies are faded as the first convolution sees them: there blank means that nothing came back, and not that it is 0 m away.

Gradient times activation of the last maps (HiResCAM, Draelos and Carin 2020) was tried first, and does no better than chance here: behind the maximum
over frames a place of the last maps stands for much of the body, and for the empty picture around it as well (the ledger has the numbers).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge.data.preparation import prepared
from gaitbridge.errors import UserError
from gaitbridge.types import Batch, is_picture

STEPS = 4
BRIGHTNESS = {"silhouettes", "depth_pictures", "pose_heatmaps"}  # where 0 is nothing, so that these fade themselves
CONVOLUTIONS = (nn.Conv2d, nn.Conv3d)


def looked_at(network: Any, modality: str, arrays: Mapping[str, np.ndarray], other: np.ndarray, steps: int = STEPS) -> np.ndarray:
    """float32 [T, H, W]: each pixel's share in the likeness of a walk to another, negative where it speaks against; of the network's size.

    network: a module with `inputs` and `embed` (`Model.network`); arrays: the walk's, by the names of `network.inputs[modality]`; other: the other
    walk's embedding [C, K]. UserError where the network sees no pictures of that modality.
    """
    pictures = [name for name in network.inputs[modality] if is_picture(name)]
    if not pictures:
        raise UserError(f"this network sees {' and '.join(network.inputs[modality])}: there are no pictures to draw on")
    device = next(network.parameters()).device
    inputs = {name: torch.from_numpy(prepared(name, array, network.config, name).copy())[None].to(device) for name, array in arrays.items()}
    frames, size = inputs[pictures[0]].shape[1], inputs[pictures[0]].shape[-2:]
    batch = Batch(inputs, torch.tensor([frames], device=device), torch.full((1,), -1))
    toward = functional.normalize(torch.from_numpy(other).to(device), dim=0)
    shares = torch.zeros((frames, *size), device=device)
    network.eval()
    for step in range(steps):
        share = (step + 0.5) / steps
        with torch.enable_grad():
            likeness, whole, faded = _faded(network, modality, batch, pictures, toward, share)
            gradients = torch.autograd.grad(likeness, faded)
        for one, gradient in zip(whole, gradients, strict=True):
            shares += _by_frame((one * gradient).float(), frames, tuple(size)) / steps
    return np.asarray(shares.cpu(), np.float32)


def _faded(network: Any, modality: str, batch: Batch, pictures: Sequence[str], toward: Tensor,
           share: float) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """The likeness of a walk whose pictures are faded to `share`; these pictures whole, and faded, which gradients are taken of."""
    if set(pictures) <= BRIGHTNESS:  # whatever a network then stacks or repeats
        whole = [batch.inputs[name].float() for name in pictures]
        faded = [(one * share).requires_grad_() for one in whole]
        made = network.embed(batch._replace(inputs={**batch.inputs, **dict(zip(pictures, faded, strict=True))}))
    else:
        with _Entrances(network, share) as entered:
            made = network.embed(batch)
        whole, faded = entered.whole, entered.faded
    return (functional.normalize(made[modality][0], dim=0) * toward).sum(0).mean(), whole, faded


class _Entrances:
    """While entered, every convolution that is given what no weight has touched gets it faded: `whole`, and `faded` = whole * share."""

    def __init__(self, network: nn.Module, share: float) -> None:
        self.network, self.share = network, share
        self.whole: list[Tensor] = []
        self.faded: list[Tensor] = []
        self.hooks: list[Any] = []

    def __enter__(self) -> _Entrances:
        convolutions = [module for module in self.network.modules() if isinstance(module, CONVOLUTIONS)]
        self.hooks = [module.register_forward_pre_hook(self._fade) for module in convolutions]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self.hooks:
            hook.remove()

    def _fade(self, module: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        if given[0].requires_grad:
            return None
        self.whole.append(given[0].detach())
        self.faded.append((given[0].detach() * self.share).requires_grad_())
        return (self.faded[-1], *given[1:])


def _by_frame(shares: Tensor, frames: int, size: tuple[int, ...]) -> Tensor:
    """[T, H, W] of shares [1, T, H, W], [T, C, H, W], [1, T, C, H, W] or [1, C, T, H, W], summed over channels. UserError where they are others."""
    if shares.shape == (1, frames, *size):
        return shares[0]
    for found, axis in ((shares, 1), (shares[0], 1), (shares[0], 0)):
        if found.ndim == 4 and (summed := found.sum(axis)).shape == (frames, *size):
            return summed
    raise UserError(f"this network's first convolution sees {list(shares.shape)}, which are not its {frames} pictures: they cannot be drawn on")
