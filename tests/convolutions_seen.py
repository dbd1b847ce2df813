"""Which convolutions PyTorch is asked for: whatever a network is made of, they pass here."""

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from gaitbridge.models.convolutions import is_strided_point


class ConvolutionsSeen(TorchDispatchMode):
    """Within the block: how many convolutions were computed (`count`), and of which shapes strided ones of single pixels were (`strided_points`)."""

    def __init__(self) -> None:
        super().__init__()
        self.count, self.strided_points = 0, list[tuple[Any, ...]]()

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.convolution.default:
            kernel, stride = tuple(args[1].shape), tuple(args[3])
            self.count += 1
            if is_strided_point(kernel[2:], stride):
                self.strided_points.append((kernel, stride))
        return func(*args, **(kwargs or {}))
