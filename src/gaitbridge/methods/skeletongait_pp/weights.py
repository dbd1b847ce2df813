"""SkeletonGait++'s tensors in published checkpoints."""

from gaitbridge.conventions import CAMERA, POSE_HEATMAPS
from gaitbridge.methods.skeletongait_pp.network import NetworkConfig
from gaitbridge.models.published_names import Names, Shapes, conv, deep_settings, head, neck, norm, stages, stem

PREFIX = {CAMERA: "sil", POSE_HEATMAPS: "map"}
LAYERS = ("layer2", "layer3", "layer4")


def settings(shapes: Shapes) -> dict[str, object]:
    """What the shapes tell of the network's settings."""
    return deep_settings(shapes, ["sil_layer1.forward_block", *LAYERS])


def names(config: NetworkConfig) -> Names:
    """Which tensor becomes which of ours."""
    found = head() | neck()
    for modality, prefix in PREFIX.items():
        found |= stem(f"{prefix}_layer0.forward_block", f"stems.{modality}")
        found |= stages([f"{prefix}_layer1.forward_block"], f"own.{modality}.blocks", "2d", config.channels[:1], config.strides[:1],
                        config.blocks[:1])
    for number in (0, 3, 6):
        found |= conv(f"fusion.conv.forward_block.{number}", f"fusion.score.{number}")
    for number in (1, 4):
        found |= norm(f"fusion.conv.forward_block.{number}", f"fusion.score.{number}")
    return found | stages(LAYERS, "stages.blocks", "p3d", config.channels[1:], config.strides[1:], config.blocks[1:], config.channels[0])
