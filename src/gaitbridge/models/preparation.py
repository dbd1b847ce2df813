"""What networks do to their inputs first: silhouettes to 0..1, ranges in metres to a mask and a body-relative depth."""

from collections.abc import Callable

import torch
from torch import Tensor

DEPTH_SCALE_M = 0.3  # about half the depth of a walking body, so that the channel lies within -2 and 2


def prepare_silhouettes(silhouettes: Tensor) -> Tensor:
    """uint8 [N, T, H, W] of 0 to 255 to [N, T, 1, H, W] of 0 to 1."""
    return (silhouettes.float() / 255.0).unsqueeze(2)


def prepare_labels(labels: Tensor) -> Tensor:
    """Body parts of pixels uint8 [N, T, H, W] to [N, T, 1, H, W], the labels' own numbers."""
    return labels.float().unsqueeze(2)


def prepare_pictures(pictures: Tensor) -> Tensor:
    """uint8 [N, T, C, H, W] of 0 to 255, such as depth pictures or pose heatmaps, to 0 to 1."""
    return pictures.float() / 255.0


def prepare_range_views(range_views: Tensor) -> Tensor:
    """Metres [N, T, H, W], NaN where nothing came back, to [N, T, 2, H, W]: 1 where something did, and the depth there.

    Depth is relative to the frame's mean range, so that neither the distance to the sensor nor the crop tells who it is; divided by
    DEPTH_SCALE_M, cut at 3, zero where nothing came back. A frame without any return is zero in both channels.
    """
    seen = torch.isfinite(range_views)
    metres = torch.where(seen, range_views, 0.0)
    count = seen.sum((-1, -2), keepdim=True).clamp(min=1)
    mean = metres.sum((-1, -2), keepdim=True) / count
    depth = ((metres - mean) / DEPTH_SCALE_M).clamp(-3.0, 3.0)
    return torch.stack([seen.to(metres.dtype), torch.where(seen, depth, 0.0)], dim=2)


PREPARE: dict[str, tuple[Callable[[Tensor], Tensor], int]] = {  # by modality: the function, and the channels that it gives
    "silhouettes": (prepare_silhouettes, 1),
    "range_views": (prepare_range_views, 2),
}
