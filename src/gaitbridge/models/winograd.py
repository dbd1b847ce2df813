"""3x3 convolutions by fewer multiplications: F(4x4, 3x3) of Winograd's minimal filtering (Lavin and Gray 2016, "Fast Algorithms for
Convolutional Neural Networks"), in float32 on a CPU. A tile of 4 x 4 outputs takes 36 products a channel instead of 144.

The matrices follow from interpolation at 0, 1, -1, 2, -2 and infinity. Rounding is about 1e-5 of the largest output.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

_INPUT = ((4, 0, -5, 0, 1, 0), (0, -4, -4, 1, 1, 0), (0, 4, -4, -1, 1, 0), (0, -2, -1, 2, 1, 0), (0, 2, -1, -2, 1, 0), (0, 4, 0, -5, 0, 1))
_FILTER = ((1 / 4, 0, 0), (-1 / 6, -1 / 6, -1 / 6), (-1 / 6, 1 / 6, -1 / 6), (1 / 24, 1 / 12, 1 / 6), (1 / 24, -1 / 12, 1 / 6), (0, 0, 1))
_OUTPUT = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))
_CONSTANT = 7  # the product (1, 1), which the output transform spreads evenly over a tile: where a bias goes
CHANNELS = 128  # at least so many in and out: below, the transforms cost what the products save (measured, benchmarks/embedding.py)


def suits(conv: nn.Conv2d) -> bool:
    """Whether `WinogradConv` computes this convolution, and faster than the direct way."""
    plain = conv.kernel_size == (3, 3) and conv.stride == conv.dilation == conv.padding == (1, 1) and conv.groups == 1
    return plain and conv.padding_mode == "zeros" and min(conv.in_channels, conv.out_channels) >= CHANNELS


class WinogradConv(nn.Module):
    """A 3x3 convolution of stride 1 with a border of one zero, for inference: [B, C, H, W] to [B, C', H, W], channels last in memory."""

    products: Tensor
    bias: Tensor
    into: Tensor
    out_of: Tensor

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        one = torch.tensor(_FILTER, dtype=torch.float64)
        products = torch.einsum("ai,ocij,bj->abco", one, weight.double(), one).flatten(0, 1)
        self.register_buffer("products", products.float().contiguous())                         # [36, C, C']
        self.register_buffer("bias", bias.float())
        for name, matrix in (("into", _INPUT), ("out_of", _OUTPUT)):
            once = torch.tensor(matrix, dtype=torch.float64)
            self.register_buffer(name, torch.kron(once, once).float())                          # [36, 36] and [16, 36]

    def forward(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        """The convolution of x, plus `added` [B, C', H, W] where given; some pictures at a time, so that tiles stay in the cache."""
        count, channels, height, width = x.shape
        rows, columns, wide = -(-height // 4), -(-width // 4), self.products.shape[2]
        some = min(max(channels * wide // (2 * rows * columns * max(channels, wide)), 4), 16)
        result = x.new_empty(count, height, width, wide)
        border = (0, 0, 1, 4 * columns - width + 1, 1, 4 * rows - height + 1)
        for start in range(0, count, some):
            tiles = functional.pad(x[start : start + some].permute(0, 2, 3, 1), border).unfold(1, 6, 4).unfold(2, 6, 4)
            own = len(tiles)
            spread = self.into @ tiles.permute(4, 5, 0, 1, 2, 3).reshape(36, -1)                # [36, tiles x C]
            product = torch.bmm(spread.view(36, -1, channels), self.products)                   # [36, tiles, C']
            product[_CONSTANT] += self.bias
            made = (self.out_of @ product.view(36, -1)).view(4, 4, own, rows, columns, wide)
            made = made.permute(2, 3, 0, 4, 1, 5).reshape(own, 4 * rows, 4 * columns, wide)[:, :height, :width]
            if added is None:
                result[start : start + some] = made
            else:
                torch.add(made, added[start : start + some].permute(0, 2, 3, 1), out=result[start : start + some])
        return result.permute(0, 3, 1, 2)
