"""Pictures whose pixels come first in memory: [B, C, H, W] as everywhere, laid out as [H, W, B, C].

Neighbouring rows and columns of all pictures are then long runs of memory, so that sums over neighbours are plain matrix products.
"""

from torch import Tensor


def pixels_first(x: Tensor) -> Tensor:
    """Pictures [B, C, H, W] in any layout as [H, W, B, C], contiguous: a copy only where they lie otherwise."""
    return x.permute(2, 3, 0, 1).contiguous()


def as_pictures(x: Tensor) -> Tensor:
    """[H, W, B, C] seen as pictures [B, C, H, W]; nothing is copied."""
    return x.permute(2, 3, 0, 1)


def lie_pixels_first(x: Tensor) -> bool:
    """Whether pictures [B, C, H, W] lie so already."""
    return x.permute(2, 3, 0, 1).is_contiguous()
