"""LidarGait's tensors in published checkpoints: those of GaitBase, with a first convolution of three channels."""

from gaitbridge.methods.lidargait.network import NetworkConfig
from gaitbridge.models.published_names import Names, Shapes, head, neck, resnet, resnet_settings

BACKBONE = "Backbone.forward_block"


def settings(shapes: Shapes) -> dict[str, object]:
    """What the shapes tell of the network's settings."""
    return resnet_settings(shapes, BACKBONE)


def names(config: NetworkConfig) -> Names:
    """Which tensor becomes which of ours."""
    return resnet(BACKBONE, "encoder", config.channels, config.strides, config.blocks) | head() | neck()
