"""GaitSet's tensors in published checkpoints."""

from gaitbridge.methods.gaitset.network import NetworkConfig
from gaitbridge.models.published_names import Names, Shapes, agreed, axis, conv, first_axes, head, head_settings


def settings(shapes: Shapes) -> dict[str, object]:
    """What the shapes tell of the network's settings."""
    one = [axis(shapes, name, 1) for name in ("set_block1.forward_block.2.conv.weight", "set_block2.forward_block.0.conv.weight",
                                              "gl_block2.0.conv.weight")]
    channels = (agreed(32, *one, *first_axes(shapes, "set_block1")),
                agreed(64, *first_axes(shapes, "set_block2"), *first_axes(shapes, "gl_block2")),
                agreed(128, *first_axes(shapes, "set_block3"), *first_axes(shapes, "gl_block3")))
    return {"channels": channels, **head_settings(shapes, 62, 256, levels=2, theirs="Head")}


def names(config: NetworkConfig) -> Names:
    """Which tensor becomes which of ours."""
    found = head("Head")
    for number in (0, 2):
        for block in (1, 2, 3):
            found |= conv(f"set_block{block}.forward_block.{number}.conv", f"frames.{block - 1}.{number}")
        for block in (2, 3):
            found |= conv(f"gl_block{block}.{number}.conv", f"set.{block - 2}.{number}")
    return found
