"""The names that the field's standard toolkit gives to the tensors of its checkpoints, part by part, and sizes read off their shapes.

Each network's own list is in `methods/<name>/weights.py`: `settings(shapes)`, what the shapes tell of the network's settings, and
`names(config)`, which tensor of a checkpoint becomes which of ours; where its classifier is not the usual one, `classifier(shapes)`, which it
is; where only some of its checkpoints have one, `TRAINED_WITH`, the objective's settings of those.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gaitbridge.models.backbones import block_sizes

Shapes = Mapping[str, tuple[int, ...]]
STRIDES = (1, 2, 2, 1)  # as published for every residual network here
CLASSIFIER = "BNNecks.fc_bin"


class Target(NamedTuple):
    """Where a tensor goes: to the `network` or the `objective`, under which name. `frames`: of a 3D kernel [C', C, frames, h, w], which is
    kept as [C', frames C, h, w] (models/pseudo3d.py); 0 as it is. `spare`: of so many parts that are kept, and how many more there are, which are
    left out: along the first axis of a matrix for each part, along the second of [C, K] in a row."""

    part: str
    name: str
    frames: int = 0
    spare: tuple[int, int] = (0, 0)


class Classifier(NamedTuple):
    """A published classifier: its tensor's name, and the axis along which the people are."""

    name: str = CLASSIFIER
    axis: int = 2


Names = dict[str, Target]


def conv(theirs: str, ours: str, frames: int = 0) -> Names:
    """A convolution without bias, or any single weight."""
    return {f"{theirs}.weight": Target("network", f"{ours}.weight", frames)}


def linear(theirs: str, ours: str) -> Names:
    """A linear map with bias."""
    return {f"{theirs}.{field}": Target("network", f"{ours}.{field}") for field in ("weight", "bias")}


def norm(theirs: str, ours: str, part: str = "network") -> Names:
    """A batch norm."""
    fields = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    return {f"{theirs}.{field}": Target(part, f"{ours}.{field}") for field in fields}


def stem(theirs: str, ours: str) -> Names:
    """A convolution and its norm, the first two of a row on each side."""
    return conv(f"{theirs}.0", f"{ours}.0") | norm(f"{theirs}.1", f"{ours}.1")


def residual_block(theirs: str, ours: str, shortcut: bool) -> Names:
    """A block of two convolutions of pictures; `shortcut`: it has one with weights."""
    found = conv(f"{theirs}.conv1", f"{ours}.conv1") | norm(f"{theirs}.bn1", f"{ours}.norm1")
    found |= conv(f"{theirs}.conv2", f"{ours}.conv2") | norm(f"{theirs}.bn2", f"{ours}.norm2")
    return found | (stem(f"{theirs}.downsample", f"{ours}.shortcut") if shortcut else {})


def pseudo3d_block(theirs: str, ours: str, shortcut: bool) -> Names:
    """A block of two convolutions of pictures with one over time between them."""
    found = conv(f"{theirs}.conv1.forward_block.0", f"{ours}.conv1") | norm(f"{theirs}.conv1.forward_block.1", f"{ours}.norm1")
    found |= conv(f"{theirs}.shortcut3d", f"{ours}.over_time.conv", 3) | norm(f"{theirs}.sbn", f"{ours}.norm_time")
    found |= conv(f"{theirs}.conv2.forward_block.0", f"{ours}.conv2") | norm(f"{theirs}.conv2.forward_block.1", f"{ours}.norm2")
    return found | (_shortcut3d(theirs, ours) if shortcut else {})


def conv3d_block(theirs: str, ours: str, shortcut: bool) -> Names:
    """A block of two 3D convolutions."""
    found = conv(f"{theirs}.conv1", f"{ours}.conv1.conv", 3) | norm(f"{theirs}.bn1", f"{ours}.norm1")
    found |= conv(f"{theirs}.conv2", f"{ours}.conv2.conv", 3) | norm(f"{theirs}.bn2", f"{ours}.norm2")
    return found | (_shortcut3d(theirs, ours) if shortcut else {})


def _shortcut3d(theirs: str, ours: str) -> Names:
    return conv(f"{theirs}.downsample.0", f"{ours}.shortcut.0", 1) | norm(f"{theirs}.downsample.1", f"{ours}.shortcut.1")


BLOCKS = {"2d": residual_block, "p3d": pseudo3d_block, "3d": conv3d_block}


def stages(theirs: Sequence[str], ours: str, mode: str, channels: Sequence[int], strides: Sequence[int], blocks: Sequence[int],
           channels_in: int = 0, numbered_from: int = 0) -> Names:
    """Residual blocks of stages whose published names are `theirs`; ours are numbered through, the first one `numbered_from`."""
    found: Names = {}
    seen: Counter[int] = Counter()
    for number, (stage, a, b, stride) in enumerate(block_sizes(channels, strides, blocks, channels_in), numbered_from):
        found |= BLOCKS[mode](f"{theirs[stage]}.{seen[stage]}", f"{ours}.{number}", stride > 1 or a != b)
        seen[stage] += 1
    return found


def resnet(theirs: str, ours: str, channels: Sequence[int], strides: Sequence[int], blocks: Sequence[int]) -> Names:
    """The ResNet-9 and its kin."""
    found = conv(f"{theirs}.conv1.conv", f"{ours}.stem.0") | norm(f"{theirs}.bn1", f"{ours}.stem.1")
    return found | stages([f"{theirs}.layer{n}" for n in range(1, len(channels) + 1)], f"{ours}.stages", "2d", channels, strides, blocks)


def head(theirs: str = "FCs") -> Names:
    """The linear map of each part."""
    return {f"{theirs}.fc_bin": Target("network", "shared.weight")}


def neck() -> Names:
    """The batch-norm neck and the classifier, which training alone needs."""
    return {CLASSIFIER: Target("objective", "identity.classify.weight")} | norm("BNNecks.bn1d", "identity.neck", "objective")


# What shapes tell. A single tensor of a wrong shape must not lead astray: it is to be named in the end, not those that fit each other.


def axis(shapes: Shapes, name: str, number: int) -> int | None:
    """The length of one axis, None where there is no such tensor or axis."""
    shape = shapes.get(name, ())
    return shape[number] if number < len(shape) else None


def agreed(default: int, *found: int | None) -> int:
    """What most of the lengths found say; among equals the default where it is one of them, and the default where there is none."""
    counts = Counter(one for one in found if one is not None)
    most = [one for one, count in counts.items() if count == max(counts.values())]
    return default if default in most or not most else most[0]


def first_axes(shapes: Shapes, prefix: str) -> list[int]:
    """The first axis of every tensor below `prefix`, which is its layer's channels."""
    return [shape[0] for name, shape in shapes.items() if name.startswith(f"{prefix}.") and shape]


def width(shapes: Shapes, prefix: str, default: int) -> int:
    """Channels of the block below `prefix`: the first axis that most of its tensors have."""
    return agreed(default, *first_axes(shapes, prefix))


def block_count(shapes: Shapes, prefix: str) -> int:
    """How many blocks the stage `prefix` has: prefix.0, prefix.1 and so on without a gap, 1 at least."""
    count = 0
    while any(name.startswith(f"{prefix}.{count}.") for name in shapes):
        count += 1
    return max(count, 1)


def stage_strides(shapes: Shapes, theirs: Sequence[str], channels: Sequence[int]) -> tuple[int, ...]:
    """The published strides, but for stages that keep their channels: there a shortcut with weights tells that the size is halved."""
    found = list(STRIDES[: len(channels)])
    for number in range(1, len(channels)):
        if channels[number] == channels[number - 1]:
            found[number] = 2 if f"{theirs[number]}.0.downsample.0.weight" in shapes else 1
    return tuple(found)


def head_settings(shapes: Shapes, default_parts: int, default_width: int, levels: int = 1, theirs: str = "FCs") -> dict[str, object]:
    """`bins` and `embedding` of the head; `levels`: how many pyramids it takes one after the other (GaitSet two)."""
    own = (axis(shapes, f"{theirs}.fc_bin", 0), axis(shapes, f"{theirs}.fc_bin", 2))
    other = (axis(shapes, CLASSIFIER, 0), axis(shapes, CLASSIFIER, 1))
    product = axis(shapes, "BNNecks.bn1d.weight", 0)
    whole = [(parts, size) for parts, size in (own, other) if parts is not None and size is not None]
    fitting = [pair for pair in whole if pair[0] * pair[1] == product]
    parts, embedding = (fitting or whole or [(default_parts, default_width)])[0]
    return {"bins": bins_of(parts // levels), "embedding": embedding}


def bins_of(parts: int) -> tuple[int, ...]:
    """The levels of a pyramid of so many strips, each a different power of two, finest first: 16 is one level, 31 is 16 + 8 + 4 + 2 + 1."""
    return tuple(1 << bit for bit in reversed(range(parts.bit_length())) if parts >> bit & 1)


def resnet_settings(shapes: Shapes, theirs: str) -> dict[str, object]:
    """Settings of the ResNet-9 and its kin: GaitBase and LidarGait."""
    published = (64, 128, 256, 512)
    layers = [f"{theirs}.layer{n}" for n in range(1, 5)]
    channels = [width(shapes, layer, default) for layer, default in zip(layers, published, strict=True)]
    if not any(name.startswith(f"{layers[3]}.") for name in shapes) and axis(shapes, "FCs.fc_bin", 1) == channels[2]:
        channels = channels[:3]  # a network without its last stage, not a damaged one: its head takes what stage 3 gives
    blocks = tuple(block_count(shapes, layer) for layer, _ in zip(layers, channels, strict=False))
    return {"channels": tuple(channels), "blocks": blocks, "strides": stage_strides(shapes, layers, channels),
            **head_settings(shapes, 16, 256)}


def deep_settings(shapes: Shapes, layers: Sequence[str]) -> dict[str, object]:
    """Settings of DeepGaitV2's stages, whose published names are `layers`, and of the head."""
    channels = [width(shapes, layer, default) for layer, default in zip(layers, (64, 128, 256, 512), strict=True)]
    blocks = tuple(block_count(shapes, layer) for layer in layers)
    return {"channels": tuple(channels), "blocks": blocks, "strides": stage_strides(shapes, layers, channels), **head_settings(shapes, 16, 256)}
