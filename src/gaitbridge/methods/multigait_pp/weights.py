"""MultiGait++'s tensors in published checkpoints of silhouettes with parsing."""

from gaitbridge.conventions import CAMERA, PARSING
from gaitbridge.methods.multigait_pp.network import NetworkConfig
from gaitbridge.models.published_names import Names, Shapes, conv, deep_settings, head, neck, norm, stages, stem

PREFIX = {CAMERA: "part1_", "common": "", PARSING: "part2_"}
SCORES = {CAMERA: "csquare.conv2", PARSING: "csquare.conv1"}


def settings(shapes: Shapes) -> dict[str, object]:
    """What the shapes tell of the network's settings."""
    return deep_settings(shapes, ["part1_layer1.forward_block", "layer2", "layer3", "layer4"])


def names(config: NetworkConfig) -> Names:
    """Which tensor becomes which of ours."""
    channels, strides, blocks = config.channels, config.strides, config.blocks
    found = head() | neck() | conv("fusion.conv.forward_block.0", "join")
    for name, score in SCORES.items():
        found |= stem(f"{PREFIX[name]}layer0.forward_block", f"stems.{name}")
        found |= stages([f"{PREFIX[name]}layer1.forward_block"], f"own.{name}.blocks", "2d", channels[:1], strides[:1], blocks[:1])
        for number in (0, 3, 6):
            found |= conv(f"{score}.forward_block.{number}", f"split.scores.{name}.{number}")
        for number in (1, 4):
            found |= norm(f"{score}.forward_block.{number}", f"split.scores.{name}.{number}")
    for name, prefix in PREFIX.items():
        middle = [f"{prefix}layer{number}" for number in range(2, len(channels))]
        found |= stages(middle, f"streams.{name}.blocks", "p3d", channels[1:-1], strides[1:-1], blocks[1:-1], channels[0])
    return found | stages([f"layer{len(channels)}"], "stages.blocks", "p3d", channels[-1:], strides[-1:], blocks[-1:], channels[-2])
