"""3x3 convolutions by fewer multiplications: Winograd's minimal filtering (Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural
Networks"), in float32 on a CPU. A tile of 4 rows and 6 columns of outputs takes 48 products a channel instead of 216, F(4x6, 3x3).

The matrices follow from interpolation at 0, 1, -1, 2, -2, for six outputs 1/2 and -1/2 as well, and infinity. Rounding is about 1e-5 of the largest
output. Every step is a matrix product, the transforms too: of rows, then of columns, in pictures whose pixels come first in memory
(`models.pixels`). Some tiles are done from the first step to the last before the next ones, so that they stay in the cache.
"""

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gaitbridge.models.pixels import as_pictures, pixels_first

Rows = tuple[tuple[float, ...], ...]


class Filtering(NamedTuple):
    """Of tiles along one axis: how many outputs one has, how many inputs it sees, and the transforms of inputs, filters and outputs."""

    tile: int
    window: int
    input: Rows
    filter: Rows
    output: Rows


FOUR = Filtering(
    4, 6,
    ((4, 0, -5, 0, 1, 0), (0, -4, -4, 1, 1, 0), (0, 4, -4, -1, 1, 0), (0, -2, -1, 2, 1, 0), (0, 2, -1, -2, 1, 0), (0, 4, 0, -5, 0, 1)),
    ((1 / 4, 0, 0), (-1 / 6, -1 / 6, -1 / 6), (-1 / 6, 1 / 6, -1 / 6), (1 / 24, 1 / 12, 1 / 6), (1 / 24, -1 / 12, 1 / 6), (0, 0, 1)),
    ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1)),
)  # fmt: skip
SIX = Filtering(
    6, 8,
    ((1, 0, -21 / 4, 0, 21 / 4, 0, -1, 0), (0, 1, 1, -17 / 4, -17 / 4, 1, 1, 0), (0, -1, 1, 17 / 4, -17 / 4, -1, 1, 0),
     (0, 1 / 2, 1 / 4, -5 / 2, -5 / 4, 2, 1, 0), (0, -1 / 2, 1 / 4, 5 / 2, -5 / 4, -2, 1, 0), (0, 2, 4, -5 / 2, -5, 1 / 2, 1, 0),
     (0, -2, 4, 5 / 2, -5, -1 / 2, 1, 0), (0, -1, 0, 21 / 4, 0, -21 / 4, 0, 1)),
    ((1, 0, 0), (-2 / 9, -2 / 9, -2 / 9), (-2 / 9, 2 / 9, -2 / 9), (1 / 90, 1 / 45, 2 / 45), (1 / 90, -1 / 45, 2 / 45),
     (32 / 45, 16 / 45, 8 / 45), (32 / 45, -16 / 45, 8 / 45), (0, 0, 1)),
    ((1, 1, 1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 1 / 2, -1 / 2, 0), (0, 1, 1, 4, 4, 1 / 4, 1 / 4, 0), (0, 1, -1, 8, -8, 1 / 8, -1 / 8, 0),
     (0, 1, 1, 16, 16, 1 / 16, 1 / 16, 0), (0, 1, -1, 32, -32, 1 / 32, -1 / 32, 1)),
)  # fmt: skip
ALONG_ROWS, ALONG_COLUMNS = SIX, FOUR  # of pictures 44, 22 and 11 pixels wide and 64, 32 and 16 high these leave little of the last tile unused
PRODUCTS = ALONG_COLUMNS.window * ALONG_ROWS.window
_CONSTANT = ALONG_ROWS.window + 1  # the product (1, 1), which the output transform spreads evenly over a tile: where a bias goes
CHANNELS = 128  # at least so many in and out: below, the transforms cost what the products save (measured, benchmarks/embedding.py)
ROWS = 160  # of a product at least, where there are tiles enough: fewer waste weights that were read, more leave the cache


def suits(conv: nn.Conv2d) -> bool:
    """Whether `WinogradConv` computes this convolution, and faster than the direct way."""
    plain = conv.kernel_size == (3, 3) and conv.stride == conv.dilation == conv.padding == (1, 1) and conv.groups == 1
    return plain and conv.padding_mode == "zeros" and min(conv.in_channels, conv.out_channels) >= CHANNELS


class Tiles(NamedTuple):
    """Some tiles of a line: the places that they see and those that they make, and the transforms [window tiles, seen] and [made, window tiles]."""

    seen: slice
    made: slice
    into: Tensor
    out_of: Tensor


@lru_cache(maxsize=256)
def line(length: int, together: int, by: Filtering) -> tuple[Tiles, ...]:
    """The tiles of a line of `length` places, about `together` at a time; what lies beyond the line is zero."""
    tiles = -(-length // by.tile)
    parts = -(-tiles // together)
    cuts = [tiles * part // parts for part in range(parts + 1)]
    return tuple(_tiles(length, first, last, by) for first, last in pairwise(cuts))


def _tiles(length: int, first: int, last: int, by: Filtering) -> Tiles:
    """The tiles `first` to `last` of a line."""
    count, begin, end = last - first, by.tile * first - 1, min(length, by.tile * last + 1)
    made = slice(by.tile * first, min(length, by.tile * last))
    into, out_of = torch.zeros(by.window, count, by.tile * count + 2), torch.zeros(by.tile * count, by.window, count)
    for tile in range(count):
        into[:, tile, by.tile * tile : by.tile * tile + by.window] = torch.tensor(by.input)
        out_of[by.tile * tile : by.tile * (tile + 1), :, tile] = torch.tensor(by.output)
    inside = into.flatten(0, 1)[:, max(0, begin) - begin : end - begin].contiguous()
    return Tiles(slice(max(0, begin), end), made, inside, out_of.flatten(1, 2)[: made.stop - made.start].contiguous())


class WinogradConv(nn.Module):
    """A 3x3 convolution of stride 1 with a border of one zero, for inference: [B, C, H, W] to [B, C', H, W], pixels first in memory."""

    products: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, relu: bool = False) -> None:
        super().__init__()
        self.relu = relu
        down, right = (torch.tensor(axis.filter, dtype=torch.float64) for axis in (ALONG_COLUMNS, ALONG_ROWS))
        products = torch.einsum("ai,ocij,bj->abco", down, weight.double(), right).flatten(0, 1)
        self.register_buffer("products", products.float().contiguous())                         # [48, C, C']
        self.register_buffer("bias", bias.float())

    def forward(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        """The convolution of x, plus `added` [B, C', H, W] where given, and the rectifier where it has one."""
        pixels = pixels_first(x)                                                                # [H, W, B, C]
        height, width, count, channels = pixels.shape
        wide = self.products.shape[2]
        result = x.new_empty(height, width, count, wide)
        more = None if added is None else pixels_first(added)
        rows_in = x.new_empty(ALONG_COLUMNS.window, width, count * channels)
        columns = line(width, max(1, ROWS // count), ALONG_ROWS)
        for row in line(height, 1, ALONG_COLUMNS):
            torch.mm(row.into, pixels[row.seen].flatten(1), out=rows_in.flatten(1))
            made = result[row.made]
            outputs = made.flatten(1)
            for some in columns:
                self._tiles(rows_in[:, some.seen], row, some, outputs[:, some.made.start * count * wide : some.made.stop * count * wide])
            if more is not None:
                made += more[row.made]
            if self.relu:
                made.relu_()
        return as_pictures(result)

    def _tiles(self, rows_in: Tensor, row: Tiles, some: Tiles, out: Tensor) -> None:
        """Some tiles of a row of tiles, whose rows are transformed, [6, columns, B C], into `out` [rows, columns B C']."""
        channels, axis = self.products.shape[1], (ALONG_COLUMNS.window, -1, -1)
        spread = torch.bmm(some.into.expand(axis), rows_in)                                     # [6, 8 tiles, B C]
        product = torch.bmm(spread.view(PRODUCTS, -1, channels), self.products)                 # [48, tiles B, C']
        product[_CONSTANT] += self.bias
        joined = torch.bmm(some.out_of.expand(axis), product.view(ALONG_COLUMNS.window, some.into.shape[0], -1))  # [6, columns, B C']
        torch.mm(row.out_of, joined.flatten(1), out=out)
