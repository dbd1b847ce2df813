"""Convolutions by fewer multiplications: Winograd's minimal filtering (Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural
Networks"), in float32 on a CPU. Of a 3x3 convolution a tile of 4 x 4 outputs takes 36 products a channel instead of 144, F(4x4, 3x3).

The matrices follow from interpolation at 0, 1, -1, 2, -2 and infinity. Rounding is about 1e-5 of the largest output. Every step is a matrix
product, the transforms too: of rows, then of columns, in pictures whose pixels come first in memory (`models.pixels`). Some tiles are
done from the first step to the last before the next ones, so that they stay in the cache.
"""

from functools import lru_cache

import torch
from torch import Tensor, nn

from gaitbridge.models.pixels import as_pictures, pixels_first

TILE, WINDOW = 4, 6  # outputs, and the inputs that they see
INPUT = ((4, 0, -5, 0, 1, 0), (0, -4, -4, 1, 1, 0), (0, 4, -4, -1, 1, 0), (0, -2, -1, 2, 1, 0), (0, 2, -1, -2, 1, 0), (0, 4, 0, -5, 0, 1))
FILTER = ((1 / 4, 0, 0), (-1 / 6, -1 / 6, -1 / 6), (-1 / 6, 1 / 6, -1 / 6), (1 / 24, 1 / 12, 1 / 6), (1 / 24, -1 / 12, 1 / 6), (0, 0, 1))
OUTPUT = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))
_CONSTANT = 7  # the product (1, 1), which the output transform spreads evenly over a tile: where a bias goes
CHANNELS = 64  # at least so many in and out: below, the transforms cost what the products save (measured, benchmarks/embedding.py)
ROWS = 128  # of a product at least, where there are tiles enough: fewer waste weights that were read, more leave the cache


def suits(conv: nn.Conv2d) -> bool:
    """Whether `WinogradConv` computes this convolution, and faster than the direct way."""
    plain = conv.kernel_size == (3, 3) and conv.stride == conv.dilation == conv.padding == (1, 1) and conv.groups == 1
    return plain and conv.padding_mode == "zeros" and min(conv.in_channels, conv.out_channels) >= CHANNELS


class Tiles:
    """Tiles `first` to `last` of a line of `length` pixels: where their window begins and ends, where their outputs do, and the transforms."""

    def __init__(self, length: int, first: int, last: int) -> None:
        count = last - first
        self.count, self.window = count, (max(0, TILE * first - 1), min(length, TILE * last + 1))
        self.outputs = (TILE * first, min(length, TILE * last))
        into, out_of = torch.zeros(WINDOW, count, TILE * count + 2), torch.zeros(TILE * count, WINDOW, count)
        for tile in range(count):
            into[:, tile, TILE * tile : TILE * tile + WINDOW] = torch.tensor(INPUT)
            out_of[TILE * tile : TILE * (tile + 1), :, tile] = torch.tensor(OUTPUT)
        border = self.window[0] - (TILE * first - 1)  # columns of zeros are left out
        self.into = into.flatten(0, 1)[:, border : border + self.window[1] - self.window[0]].contiguous()    # [6 tiles, pixels in]
        self.out_of = out_of.flatten(1, 2)[: self.outputs[1] - self.outputs[0]].contiguous()                 # [pixels out, 6 tiles]


@lru_cache(maxsize=256)
def line(length: int, together: int) -> tuple[Tiles, ...]:
    """The tiles of a line, about `together` at a time."""
    tiles = -(-length // TILE)
    parts = -(-tiles // together)
    cuts = [tiles * part // parts for part in range(parts + 1)]
    return tuple(Tiles(length, first, last) for first, last in zip(cuts, cuts[1:], strict=False))


class WinogradConv(nn.Module):
    """A 3x3 convolution of stride 1 with a border of one zero, for inference: [B, C, H, W] to [B, C', H, W], pixels first in memory."""

    products: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, relu: bool = False) -> None:
        super().__init__()
        self.relu = relu
        one = torch.tensor(FILTER, dtype=torch.float64)
        products = torch.einsum("ai,ocij,bj->abco", one, weight.double(), one).flatten(0, 1)
        self.register_buffer("products", products.float().contiguous())                         # [36, C, C']
        self.register_buffer("bias", bias.float())

    def forward(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        """The convolution of x, plus `added` [B, C', H, W] where given, and the rectifier where it has one."""
        pixels = pixels_first(x)                                                                # [H, W, B, C]
        height, width, count, channels = pixels.shape
        wide = self.products.shape[2]
        result = x.new_empty(height, width, count, wide)
        columns = line(width, max(1, ROWS // count))
        most = max(some.count for some in columns)
        rows_in = x.new_empty(WINDOW, width * count * channels)
        spread, product = x.new_empty(36 * most * count * channels), x.new_empty(36 * most * count * wide)
        joined = x.new_empty(WINDOW * TILE * most * count * wide)
        for row in line(height, 1):
            top, bottom = row.outputs
            torch.mm(row.into, pixels[slice(*row.window)].flatten(1), out=rows_in)
            made = result[top:bottom]
            for some in columns:
                self._tiles(rows_in.view(WINDOW, width, -1), row, some, made, spread, product, joined)
            if added is not None:
                made += added.permute(2, 3, 0, 1)[top:bottom]
            if self.relu:
                made.relu_()
        return as_pictures(result)

    def _tiles(self, rows_in: Tensor, row: Tiles, some: Tiles, made: Tensor, *memory: Tensor) -> None:
        """Some tiles of a row of tiles, whose rows are transformed [6, W, B C], into `made` [rows, W, B, C']; memory: of the steps between."""
        count, wide = made.shape[2:]
        left, right = some.outputs
        shapes = (WINDOW, WINDOW * some.count, rows_in.shape[2]), (36, some.count * count, wide), (WINDOW, right - left, count * wide)
        spread, product, joined = (block[: shape[0] * shape[1] * shape[2]].view(shape) for block, shape in zip(memory, shapes, strict=True))
        torch.bmm(some.into.expand(WINDOW, -1, -1), rows_in[:, slice(*some.window)], out=spread)
        torch.bmm(spread.view(36, some.count * count, -1), self.products, out=product)
        product[_CONSTANT] += self.bias
        torch.bmm(some.out_of.expand(WINDOW, -1, -1), product.view(WINDOW, WINDOW * some.count, -1), out=joined)
        torch.mm(row.out_of, joined.flatten(1), out=made.flatten(1)[:, left * count * wide : right * count * wide])
