"""GaitSet's tensors in published checkpoints."""

from gaitbridge.methods.gaitset.network import NetworkConfig
from gaitbridge.models.published_names import Names, Shapes, conv, head, head_settings, width


def settings(shapes: Shapes) -> dict[str, object]:
    """What the shapes tell of the network's settings."""
    channels = tuple(width({name.replace("gl_", "set_"): shape for name, shape in shapes.items()} | dict(shapes), f"set_block{n}", default)
                     for n, default in ((1, 32), (2, 64), (3, 128)))
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
