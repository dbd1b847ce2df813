"""Convolutions that keep to horizontal strips of a picture, each with a border of zeros of its own (GaitPart, GaitGL)."""

from torch import Tensor, nn

from gaitbridge.models.temporal import each_frame


def each_strip(module: nn.Module, x: Tensor, strips: int) -> Tensor:
    """A module of pictures [B, C, H / strips, W] on every strip of [N, T, C, H, W], which are then put together again: [N, T, C', H, W]."""
    if strips == 1:
        return each_frame(module, x)
    cut = x.unflatten(3, (strips, -1)).movedim(3, 2).flatten(1, 2)                  # [N, T strips, C, H / strips, W]
    return each_frame(module, cut).unflatten(1, (-1, strips)).movedim(2, 3).flatten(3, 4)
