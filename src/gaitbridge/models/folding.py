"""The same network with fewer operations, for inference in float32 on a CPU: norms folded into the convolutions before them, sums and
rectifiers in place, wide 3x3 convolutions by Winograd's algorithm or all wide ones by whole numbers. The network that it is made from stays as it is.
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from gaitbridge.models import digits, pseudo3d, winograd, winograd_time
from gaitbridge.models.backbones import ResidualBlock
from gaitbridge.models.convolutions import PickingConv, picked
from gaitbridge.models.fused_encoder import FusedEncoder
from gaitbridge.models.pixels import as_pictures, lie_pixels_first
from gaitbridge.models.temporal import TemporalMix, masked_to_zero, three_frames


def _weights(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution with the norm after it."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    weight, bias = fuse_conv_bn_weights(conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias)
    return weight.detach().clone(), bias.detach().clone()


class FoldedConv(nn.Module):
    """A convolution and the norm after it as one; with `relu`, the rectifier too. [B, C, H, W] to [B, C', H', W']: by Winograd's way and as
    matrix products pixels first in memory, else channels last."""

    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm2d, relu: bool = False, by_digits: bool = False) -> None:
        super().__init__()
        weight, bias = _weights(conv, norm)
        self.relu = relu
        self.digits, self.winograd, self.one_pixel = None, None, False
        picks = isinstance(conv, PickingConv)
        self.picks, stride = conv.stride if picks else None, (1, 1) if picks else conv.stride
        if by_digits and digits.suits(conv):
            self.digits = digits.TwoDigitConv(weight, bias, stride, conv.padding, conv.dilation, relu)  # type: ignore[arg-type]
        self.undecided = self.digits is not None
        if winograd.suits(conv):
            self.winograd = winograd.WinogradConv(weight, bias, relu)
        else:
            made = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, stride, conv.padding)  # type: ignore[arg-type]
            made.weight, made.bias = (nn.Parameter(one, requires_grad=False) for one in (weight, bias))
            self.conv = made.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self.one_pixel = conv.kernel_size == stride == (1, 1) and conv.padding == (0, 0)

    def forward(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        if self.undecided:
            self._decide(x, added)
        return self._in_float(x, added) if self.digits is None else self._by_digits(x, added)

    def _decide(self, x: Tensor, added: Tensor | None) -> None:
        """Keep the way that takes less time here, now."""
        self.undecided = False
        if digits.pays(lambda: self._by_digits(x, added), lambda: self._in_float(x, added)):
            self.winograd = self.conv = None
        else:
            self.digits = None

    def _by_digits(self, x: Tensor, added: Tensor | None) -> Tensor:
        found: Tensor = self.digits(x if self.picks is None else picked(x, self.picks), added)  # type: ignore[misc]
        return found

    def _in_float(self, x: Tensor, added: Tensor | None) -> Tensor:
        if self.winograd is not None:
            found: Tensor = self.winograd(x, added)
            return found
        products = self.one_pixel and lie_pixels_first(x)
        if self.picks is not None:
            x = picked(x, self.picks)
        if products:
            seen = x.permute(2, 3, 0, 1)                                                        # [H, W, B, C]
            found = as_pictures((seen.flatten(0, 2) @ self.conv.weight.flatten(1).t()).add_(self.conv.bias).view(*seen.shape[:3], -1))
        else:
            found = self.conv(x.contiguous(memory_format=torch.channels_last))
        if added is not None:
            found += added
        return found.relu_() if self.relu else found


class FoldedOverTime(nn.Module):
    """A 3x1x1 convolution over three frames' channels, its norm and the rectifier. `through` adds the input before the rectifier.

    Wide ones by Winograd's way (`models.winograd_time`), others as three matrix products that add up in place: no frame is copied beside its
    neighbours, which took a third of a pseudo-3D network's time.
    """

    matrices: Tensor
    spread: Tensor
    bias: Tensor

    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm2d, through: bool, by_digits: bool = False) -> None:
        super().__init__()
        weight, bias = _weights(conv, norm)
        matrices = weight[:, :, 0, 0].unflatten(1, (3, -1)).permute(1, 2, 0).contiguous()       # [3, C, C'], the frame before first
        if through:
            matrices[1] += torch.eye(len(bias))
        self.digits = None
        if by_digits and matrices.shape[1] >= digits.CHANNELS:
            self.digits = digits.TwoDigitConv(matrices.permute(2, 1, 0)[..., None], bias, padding=(1, 0), relu=True)
        self.wide = min(matrices.shape[1:]) >= winograd_time.CHANNELS
        self.register_buffer("matrices", matrices)
        self.undecided = self.digits is not None
        self.register_buffer("spread", winograd_time.spread_weights(matrices) if self.wide else None)
        self.register_buffer("bias", bias)

    def forward(self, pictures: Tensor, shape: tuple[int, int], real: Tensor | None) -> Tensor:
        """Pictures [N T, C, H, W] of `shape` (N, T) and which are real [N, T], to the same shape."""
        _, channels, height, width = pictures.shape
        x = pictures.permute(0, 2, 3, 1).reshape(*shape, height * width, channels)              # [N, T, H W, C]
        if self.undecided:
            self.undecided = False
            if not digits.pays(lambda: self._by_digits(x, real), lambda: self._in_float(x, real)):
                self.digits = None
        made = self._in_float(x, real) if self.digits is None else self._by_digits(x, real)
        return made.view(-1, height, width, made.shape[-1]).permute(0, 3, 1, 2)

    def _by_digits(self, x: Tensor, real: Tensor | None) -> Tensor:
        rows = masked_to_zero(x, real).permute(0, 3, 1, 2)                                      # pictures of T x H W
        found: Tensor = self.digits(rows).permute(0, 2, 3, 1).contiguous()  # type: ignore[misc]
        return found

    def _in_float(self, x: Tensor, real: Tensor | None) -> Tensor:
        if self.wide and winograd_time.saves(x.shape[1]):
            return winograd_time.over_time(x, self.spread, self.bias, real)
        flat = masked_to_zero(x, real).flatten(1, 2)                                            # [N, T H W, C]
        before, own, after = self.matrices
        found = torch.addmm(self.bias, flat.flatten(0, 1), own).view(x.shape[0], -1, own.shape[1])
        step = x.shape[2]
        for row, source in zip(found, flat, strict=True) if x.shape[1] > 1 else ():
            row[step:].addmm_(source[:-step], before)
            row[:-step].addmm_(source[step:], after)
        return found.relu_().view(*x.shape[:3], own.shape[1])


def _shortcut(block: nn.Module, by_digits: bool) -> nn.Module:
    """A block's shortcut, folded where it is a convolution."""
    shortcut = block.shortcut
    return FoldedConv(shortcut[0], shortcut[1], by_digits=by_digits) if isinstance(shortcut, nn.Sequential) else nn.Identity()  # type: ignore[arg-type]


class FoldedResidual(nn.Module):
    """`backbones.ResidualBlock`, folded."""

    def __init__(self, block: ResidualBlock, by_digits: bool = False) -> None:
        super().__init__()
        self.first = FoldedConv(block.conv1, block.norm1, relu=True, by_digits=by_digits)
        self.second = FoldedConv(block.conv2, block.norm2, relu=True, by_digits=by_digits)
        self.shortcut = _shortcut(block, by_digits)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.second(self.first(x), self.shortcut(x))
        return found


class FoldedFrames(nn.Module):
    """`pseudo3d.FrameBlock` and `pseudo3d.Pseudo3DBlock`, folded: pictures throughout, frames only where time comes in."""

    def __init__(self, block: pseudo3d.FrameBlock, by_digits: bool = False) -> None:
        super().__init__()
        self.first = FoldedConv(block.conv1, block.norm1, relu=True, by_digits=by_digits)
        self.second = FoldedConv(block.conv2, block.norm2, relu=True, by_digits=by_digits)
        self.shortcut = _shortcut(block, by_digits)
        timed = isinstance(block, pseudo3d.Pseudo3DBlock)
        self.over_time = FoldedOverTime(block.over_time.conv, block.norm_time, through=True, by_digits=by_digits) if timed else None  # type: ignore[union-attr,arg-type]

    def forward(self, x: Tensor, real: Tensor | None) -> Tensor:
        pictures = x.flatten(0, 1)
        inner = self.first(pictures)
        if self.over_time is not None:
            inner = self.over_time(inner, x.shape[:2], real)
        found: Tensor = self.second(inner, self.shortcut(pictures))
        return found.unflatten(0, x.shape[:2])


class FoldedMix(nn.Module):
    """`temporal.TemporalMix`, folded. Its sum comes after the rectifier and stays a sum."""

    def __init__(self, mix: TemporalMix, by_digits: bool = False) -> None:
        super().__init__()
        self.mix = FoldedOverTime(mix.conv, mix.norm, through=False, by_digits=by_digits)

    def forward(self, x: Tensor, real: Tensor | None) -> Tensor:
        pictures = x.flatten(0, 1)
        mixed: Tensor = self.mix(pictures, x.shape[:2], real)
        return (mixed + pictures).unflatten(0, x.shape[:2])


class FoldedConv3D(nn.Module):
    """`pseudo3d.Conv3DBlock`, folded."""

    def __init__(self, block: pseudo3d.Conv3DBlock, by_digits: bool = False) -> None:
        super().__init__()
        self.first = FoldedConv(block.conv1.conv, block.norm1, relu=True, by_digits=by_digits)
        self.second = FoldedConv(block.conv2.conv, block.norm2, relu=True, by_digits=by_digits)
        self.shortcut = _shortcut(block, by_digits)

    def forward(self, x: Tensor, real: Tensor | None) -> Tensor:
        inner = self.first(three_frames(x, real).flatten(0, 1)).unflatten(0, x.shape[:2])
        found: Tensor = self.second(three_frames(inner, real).flatten(0, 1), self.shortcut(x.flatten(0, 1)))
        return found.unflatten(0, x.shape[:2])


def _folded(module: nn.Module, by_digits: bool) -> nn.Module | None:
    """The folded twin of a module that has one."""
    if type(module) is ResidualBlock:
        return FoldedResidual(module, by_digits)
    if type(module) in (pseudo3d.FrameBlock, pseudo3d.Pseudo3DBlock):
        return FoldedFrames(module, by_digits)  # type: ignore[arg-type]
    if type(module) is pseudo3d.Conv3DBlock:
        return FoldedConv3D(module, by_digits)
    if type(module) is TemporalMix:
        return FoldedMix(module, by_digits)
    parts = list(module) if isinstance(module, nn.Sequential) else []
    if len(parts) > 1 and type(parts[0]) in (nn.Conv2d, PickingConv) and type(parts[1]) is nn.BatchNorm2d:
        rectified = len(parts) > 2 and type(parts[2]) is nn.ReLU
        first = FoldedConv(parts[0], parts[1], relu=rectified, by_digits=by_digits)  # type: ignore[arg-type]
        rest = parts[3 if rectified else 2 :]
        return nn.Sequential(first, *(copy.deepcopy(part) for part in rest))
    return None


def folded(network: nn.Module, by_digits: bool = False) -> nn.Module:
    """A copy of `network` in evaluation mode that computes the same embeddings with fewer operations; what is not known stays as it is.

    by_digits: convolutions by whole numbers where that is faster, as each measures on its first input (`models.digits`, where
    `digits.supported()`): 1e-4 off.
    """
    made = copy.deepcopy(network).eval()
    _fold_children(made, by_digits)
    with torch.no_grad():
        for part in made.modules():
            if isinstance(part, FusedEncoder):
                part.keep_constants()
    return made


def _fold_children(module: nn.Module, by_digits: bool) -> None:
    for name, child in list(module.named_children()):
        twin = _folded(child, by_digits)
        if twin is None:
            _fold_children(child, by_digits)
        else:
            setattr(module, name, twin.eval())
