"""SkeletonGait's tensors in published checkpoints: those of DeepGaitV2, with a first convolution of two channels."""

from gaitbridge.methods.deepgaitv2 import weights as deepgaitv2
from gaitbridge.methods.skeletongait.network import NetworkConfig
from gaitbridge.models.published_names import Names, Shapes


def settings(shapes: Shapes) -> dict[str, object]:
    """What the shapes tell of the network's settings."""
    return deepgaitv2.settings(shapes)


def names(config: NetworkConfig) -> Names:
    """Which tensor becomes which of ours."""
    return deepgaitv2.names(config)
