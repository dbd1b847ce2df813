"""Convolutions over three frames by fewer multiplications: Winograd's F(4, 3) along time, in float32 on a CPU. Four frames take six matrix
products instead of twelve. The matrices are those of `models.winograd`.
"""

import torch
from torch import Tensor

from gaitbridge.models.winograd import FILTER, TILE, WINDOW, line

CHANNELS = 256  # at least so many in and out: below, the transforms cost what the products save (measured, benchmarks/embedding.py)
AT_ONCE = 2**17  # values transformed at a time: they stay in the cache
TOGETHER = 5  # tiles that one product transforms


def saves(frames: int) -> bool:
    """Whether sequences of so many frames take a quarter fewer products than the direct way, which pays for the transforms."""
    return WINDOW * -(-frames // TILE) <= 0.75 * (3 * frames - 2)


def spread_weights(matrices: Tensor) -> Tensor:
    """Matrices [3, C, C'] of the frames before, now and after as those of the six products [6, C, C']."""
    return torch.einsum("ai,ico->aco", torch.tensor(FILTER, dtype=torch.float64), matrices.double()).float().contiguous()


def over_time(x: Tensor, weights: Tensor, bias: Tensor, real: Tensor | None) -> Tensor:
    """The convolution of frames [P, N, T, C] of P pixels, zero beyond the sequence, and the rectifier: [P, N, T, C'].

    weights: [6, C, C'] of `spread_weights`; bias: [C']; real: [N, T] where some frames are padding, which counts as zero.
    """
    pixels, count, frames, channels = x.shape
    wide = weights.shape[2]
    result = x.new_empty(pixels, count, frames, wide)
    some = max(1, AT_ONCE // (count * frames * channels))
    for start in range(0, pixels, some):
        own = x[start : start + some] if real is None else x[start : start + some] * real[:, :, None]
        first = own.permute(2, 0, 1, 3).contiguous().flatten(1)                                 # [T, P N C]
        for tiles in line(frames, TOGETHER):
            spread = torch.mm(tiles.into, first[slice(*tiles.window)])                          # [6 tiles, P N C]
            product = torch.bmm(spread.view(WINDOW, -1, channels), weights)                     # [6, tiles P N, C']
            product[1] += bias  # the output transform spreads it evenly
            made = torch.mm(tiles.out_of, product.view(WINDOW * tiles.count, -1)).relu_()       # [frames, P N C']
            result[start : start + some, :, slice(*tiles.outputs)] = made.view(-1, len(own), count, wide).permute(1, 2, 0, 3)
    return result
