"""DeepGaitV2's tensors in published checkpoints, in its three modes."""

from gaitbridge.models.published_names import Names, Shapes, deep_settings, head, neck, stages, stem
from gaitbridge.models.staged import OrderedConfig


def mode(shapes: Shapes) -> str:
    """2d, p3d or 3d, by the names of the blocks of stages 2 to 4."""
    later = [name for name in shapes if name.startswith(("layer2.", "layer3.", "layer4."))]
    if sum(".forward_block." in name and name.split(".")[1] == "forward_block" for name in later) * 2 > len(later):
        return "2d"
    return "p3d" if any(".shortcut3d." in name or ".sbn." in name for name in later) or not later else "3d"


def layers(kind: str) -> list[str]:
    """The published names of the stages: those of pictures alone are wrapped."""
    return ["layer1.forward_block", *(f"layer{n}.forward_block" if kind == "2d" else f"layer{n}" for n in (2, 3, 4))]


def settings(shapes: Shapes) -> dict[str, object]:
    """What the shapes tell of the network's settings."""
    kind = mode(shapes)
    return {"mode": kind, **deep_settings(shapes, layers(kind))}


def names(config: OrderedConfig) -> Names:
    """Which tensor becomes which of ours."""
    published, first = layers(config.mode), config.blocks[0]
    found = stem("layer0.forward_block", "stem") | head() | neck()
    found |= stages(published[:1], "stages.blocks", "2d", config.channels[:1], config.strides[:1], config.blocks[:1])
    return found | stages(published[1:], "stages.blocks", config.mode, config.channels[1:], config.strides[1:], config.blocks[1:],
                          config.channels[0], numbered_from=first)
