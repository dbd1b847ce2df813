"""Convolutions over three frames by fewer multiplications: Winograd's F(4, 3) along time, in float32 on a CPU. Four frames take six matrix
products instead of twelve. The matrices are those of `models.winograd`.
"""

import torch
from torch import Tensor

from gaitbridge.models.winograd import FOUR, line

CHANNELS = 256  # at least so many in and out: below, the transforms cost what the products save (measured, benchmarks/embedding.py)
AT_ONCE = 2**17  # values transformed at a time: they stay in the cache
TOGETHER = 5  # tiles that one product transforms


def saves(frames: int) -> bool:
    """Whether sequences of so many frames take a quarter fewer products than the direct way, which pays for the transforms."""
    return FOUR.window * -(-frames // FOUR.tile) <= 0.75 * (3 * frames - 2)


def spread_weights(matrices: Tensor) -> Tensor:
    """Matrices [3, C, C'] of the frames before, now and after as those of the six products [6, C, C']."""
    return torch.einsum("ai,ico->aco", torch.tensor(FOUR.filter, dtype=torch.float64), matrices.double()).float().contiguous()


def over_time(x: Tensor, weights: Tensor, bias: Tensor, real: Tensor | None) -> Tensor:
    """The convolution of frames [N, T, P, C] of P pixels, zero beyond each sequence, and the rectifier: [N, T, P, C'].

    weights: [6, C, C'] of `spread_weights`; bias: [C']; real: [N, T] where some frames at the ends are padding, for which zero comes back.
    """
    count, longest, pixels, channels = x.shape
    wide = weights.shape[2]
    result = x.new_empty(count, longest, pixels, wide)
    lengths = [longest] * count if real is None else real.sum(1).tolist()
    for own, made, frames in zip(x, result, lengths, strict=True):
        made[frames:] = 0
        some = max(1, AT_ONCE // (max(1, frames) * channels))
        for start in range(0, pixels if frames else 0, some):
            part = slice(start, start + some)
            for tiles in line(frames, TOGETHER, FOUR):
                spread = torch.mm(tiles.into, own[tiles.seen, part].flatten(1))                 # [6 tiles, P C]
                product = torch.bmm(spread.view(FOUR.window, -1, channels), weights)                 # [6, tiles P, C']
                product[1] += bias  # the output transform spreads it evenly
                found = torch.mm(tiles.out_of, product.view(len(tiles.into), -1)).relu_()  # [frames, P C']
                made[tiles.made, part] = found.view(found.shape[0], -1, wide)
    return result
